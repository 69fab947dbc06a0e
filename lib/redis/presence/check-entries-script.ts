import { script } from '../commands.ts'

export const checkEntriesScript = script('check-entries', String.raw`
-- What Redis thinks that a node has in a channel. KEYS: meta, refs, data, graces, incarnations, entries of the node's incarnation
-- ARGV: how long all of it lasts (ms), versions below which the traces of those that left are forgotten
-- Returns { incarnations of the channel, connections of this one }.
for i = 1, 6 do redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
local connections = {}
local entries = redis.call('HGETALL', KEYS[6])
for i = 1, #entries, 2 do
  local version, user = string.match(entries[i + 1], '^(%d+) (.*)$')
  if user ~= '' then connections[#connections + 1] = entries[i]
  elseif tonumber(version) < tonumber(ARGV[2]) then redis.call('HDEL', KEYS[6], entries[i]) end
end
return { redis.call('HKEYS', KEYS[5]), connections }
`)
