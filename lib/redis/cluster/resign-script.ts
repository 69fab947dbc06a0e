import { script } from '../commands.ts'

export const resignScript = script('resign', String.raw`
-- A node goes. KEYS: live, starts, dead, nodes, its index. ARGV: incarnation
-- Whatever it could not take with it is swept by others.
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[5]) == 1 then
  redis.call('ZADD', KEYS[3], 0, ARGV[1])
else
  redis.call('HDEL', KEYS[4], ARGV[1])
end
return 1
`)
