import { headerOf } from '../pubsub/message-kinds.ts'
import { defineScript } from '../script-runner.ts'

export const requestScript = defineScript('request', String.raw`
-- Publishes a node request. KEYS: live, nodes (see renew-script.ts), pub/sub channel of all nodes. ARGV: the request
-- Returns the nodes with a lease, cut-off ones included. The list is read here and not taken from the last renewal,
-- because a node may have started since.
redis.call('SPUBLISH', KEYS[3], '${headerOf('q')}' .. ARGV[1])
local nodes = {}
for i, incarnation in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  nodes[i] = redis.call('HGET', KEYS[2], incarnation) or ''
end
return nodes
`)

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
