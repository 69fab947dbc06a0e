import { script } from '../commands.ts'

export const reserveScript = script('reserve', String.raw`
-- A place for one of a user's connections. KEYS: places (zset "incarnation connection" -> when taken, in ms)
-- ARGV: incarnation, connection, limit, how long all of it lasts (ms), the newest incarnation that is known, then all that live
-- Returns 1 or 0. What a dead node held does not count, and is removed; one newer than we know of may well live.
local live = {}
for i = 6, #ARGV do live[ARGV[i]] = true end
local taken = 0
local own = ARGV[1] .. ' ' .. ARGV[2]
for _, place in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local incarnation = string.match(place, '^%d+')
  if place == own then
    return 1
  elseif live[incarnation] or tonumber(incarnation) > tonumber(ARGV[5]) then
    taken = taken + 1
  else
    redis.call('ZREM', KEYS[1], place)
  end
end
if taken >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], redis.call('TIME')[1], own)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
`)
