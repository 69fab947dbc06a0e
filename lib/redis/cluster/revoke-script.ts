import { headerOf } from '../pubsub/message-kinds.ts'
import { defineScript } from '../script-runner.ts'

export const revokeScript = defineScript('revoke', String.raw`
-- KEYS: revocations (zset: key by the end of the revocation in ms), pub/sub channel of all nodes
-- ARGV: now (ms), 'all' or '', then key and end of each revocation
-- Returns key and end of all running revocations if 'all' was given, else {}. The later of two ends counts.
for i = 3, #ARGV, 2 do
  if redis.call('ZADD', KEYS[1], 'GT', 'CH', ARGV[i + 1], ARGV[i]) == 1 then
    redis.call('SPUBLISH', KEYS[2], '${headerOf('r')}' .. cjson.encode({ ARGV[i], ARGV[i + 1] }))
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
return ARGV[2] == 'all' and redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES') or {}
`)
