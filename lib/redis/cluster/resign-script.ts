import { defineScript } from '../script-runner.ts'

export const resignScript = defineScript('resign', String.raw`
-- Ends a lease. KEYS: live, starts, dead, nodes (see renew-script.ts), index of the incarnation. ARGV: incarnation
-- An index that still exists names channels with entries or grace periods: another node sweeps them.
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[5]) == 1 then
  redis.call('ZADD', KEYS[3], 0, ARGV[1])
else
  redis.call('HDEL', KEYS[4], ARGV[1])
end
return 1
`)
