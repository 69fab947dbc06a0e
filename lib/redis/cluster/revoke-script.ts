import { script } from '../commands.ts'

export const revokeScript = script('revoke', String.raw`
-- Revocations. KEYS: all of them (sorted set: key by until, ms), pub/sub of all nodes. ARGV: now (ms), 'all' or '', then key and until of each
-- Asked for all, returns those that hold, as key, until, ... The later of two counts; what is over is forgotten.
for i = 3, #ARGV, 2 do
  if redis.call('ZADD', KEYS[1], 'GT', 'CH', ARGV[i + 1], ARGV[i]) == 1 then
    redis.call('SPUBLISH', KEYS[2], '1r' .. cjson.encode({ ARGV[i], ARGV[i + 1] }))
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
return ARGV[2] == 'all' and redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES') or {}
`)
