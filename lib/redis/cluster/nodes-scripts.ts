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

export const hasRevocationsScript = defineScript('has-revocations', String.raw`
-- KEYS: revocations (see below). Returns 1 if Redis has any.
return redis.call('EXISTS', KEYS[1])
`)

export const revokeScript = defineScript('revoke', String.raw`
-- KEYS: revocations (zset: key by the end of the revocation, in ms of Redis's clock), pub/sub channel of all nodes
-- ARGV: node, 'all' or '', then for each revocation: key, its end or '' when Redis does not have it yet, ms until then
-- Returns now (ms), then key and end: of the given revocations, or of all running ones if 'all' was given.
-- The later of two ends counts. All times are Redis's, because the clocks of the nodes may differ by hours.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local reply = { now_text }
for i = 3, #ARGV, 3 do
  local key, ends = ARGV[i], ARGV[i + 1]
  if ends == '' then ends = string.format('%.0f', now + tonumber(ARGV[i + 2])) end
  if redis.call('ZADD', KEYS[1], 'GT', 'CH', ends, key) == 1 then
    redis.call('SPUBLISH', KEYS[2], '${headerOf('r')}' .. cjson.encode({ ARGV[1], key, ends, now_text }))
  end
  reply[#reply + 1] = key
  reply[#reply + 1] = ends
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_text)
-- The key is of no use after the last revocation. Redis refuses an expiry beyond 2^63 ms, which an end may exceed.
-- The expiry is absolute, because TIME and the clock of a relative expiry may differ by a millisecond in one script.
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if last then redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.min(tonumber(last), 2 ^ 53))) end
if ARGV[2] ~= 'all' then return reply end
local running = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
table.insert(running, 1, now_text)
return running
`, { needs: 'each command' })
