import { defineScript } from '../script-runner.ts'

export const checkEntriesScript = defineScript('check-entries', String.raw`
-- What a presence list holds of one node. KEYS: incarnations, entries of the node's incarnation
-- ARGV: the version below which the markers of exited connections are removed
-- Returns { incarnations in the list, connections of this one }.
local connections = {}
local entries = redis.call('HGETALL', KEYS[2])
for i = 1, #entries, 2 do
  local version, user = string.match(entries[i + 1], '^(%d+) (.*)$')
  if user ~= '' then connections[#connections + 1] = entries[i]
  elseif tonumber(version) < tonumber(ARGV[1]) then redis.call('HDEL', KEYS[2], entries[i]) end
end
return { redis.call('HKEYS', KEYS[1]), connections }
`)
