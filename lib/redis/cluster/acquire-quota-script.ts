import { defineScript } from '../script-runner.ts'

export const acquireQuotaScript = defineScript('acquire-quota', String.raw`
-- Counts a connection of a user. KEYS: quota (zset: "incarnation connection" by the time of counting, in s)
-- ARGV: incarnation, connection, limit, time to live of the key (ms), newest known incarnation, then all live ones
-- Returns 1, or 0 when the quota is used up. Connections of dead nodes are removed; an incarnation newer than the
-- caller's view may well be live.
local live = {}
for i = 6, #ARGV do live[ARGV[i]] = true end
local count = 0
local own = ARGV[1] .. ' ' .. ARGV[2]
for _, counted in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local incarnation = string.match(counted, '^%d+')
  if counted == own then
    return 1
  elseif live[incarnation] or tonumber(incarnation) > tonumber(ARGV[5]) then
    count = count + 1
  else
    redis.call('ZREM', KEYS[1], counted)
  end
end
if count >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], redis.call('TIME')[1], own)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
`)
