import { defineScript } from '../script-runner.ts'

export const confirmScript = defineScript('confirm', String.raw`
-- KEYS: two dedupe hashes. ARGV: id and hash of each entry
-- Returns 1 when the history has all of them, else 0. It writes what is there already, so that a WAIT after it covers
-- the entries: after a failover this may be another master than that of the append.
for i = 1, #ARGV, 2 do
  local key = redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 and KEYS[1] or KEYS[2]
  local entry = redis.call('HGET', key, ARGV[i])
  if not entry or string.match(entry, ' (.*)$') ~= ARGV[i + 1] then return 0 end
  if i == #ARGV - 1 then redis.call('HSET', key, ARGV[i], entry) end
end
return 1
`, { needs: 'each command' })
