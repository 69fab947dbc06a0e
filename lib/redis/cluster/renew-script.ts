import { defineScript } from '../script-runner.ts'

export const renewScript = defineScript('renew', String.raw`
-- KEYS: live (zset: incarnation by expiry in ms), starts (hash: when the unbroken lease of an incarnation began),
--       dead (zset: incarnation by the time until which a node sweeps it), last (the newest incarnation),
--       nodes (hash: incarnation -> node)
-- ARGV: incarnation ('' for a new one), node, length of a lease (ms)
-- Returns { 'dead' } when the incarnation was declared dead or Redis has lost it; else { incarnation,
-- an incarnation to sweep or '', ms until the next lease of another node expires, now (ms), then incarnation and node
-- of each live lease }.
local live, starts, dead, last, nodes = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local incarnation, lease = ARGV[1], tonumber(ARGV[3])
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)
local now_text = string.format('%d', now)

if incarnation == '' then
  incarnation = string.format('%d', math.max(tonumber(redis.call('GET', last) or '0') + 1, now_us))
  redis.call('SET', last, incarnation)
  redis.call('HSET', nodes, incarnation, ARGV[2])
  redis.call('HSET', starts, incarnation, now_text)
else
  local expiry = redis.call('ZSCORE', live, incarnation)
  if not expiry then return { 'dead' } end
  -- Late, but nobody has declared it dead: the lease continues, and this node cannot judge others yet.
  if tonumber(expiry) < now then redis.call('HSET', starts, incarnation, now_text) end
end
redis.call('ZADD', live, now + lease, incarnation)

-- Only a node with one whole unbroken lease declares others dead: after an outage of Redis every lease has expired.
if now - tonumber(redis.call('HGET', starts, incarnation) or now) >= lease then
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', live, '-inf', now)) do
    redis.call('ZREM', live, other)
    redis.call('HDEL', starts, other)
    redis.call('ZADD', dead, 0, other)
  end
end

local sweep = redis.call('ZRANGEBYSCORE', dead, '-inf', now, 'LIMIT', 0, 1)[1] or ''
if sweep ~= '' then redis.call('ZADD', dead, now + lease, sweep) end

local soonest = lease
local reply = { incarnation, sweep, '', now_text }
for _, other in ipairs(redis.call('ZRANGE', live, 0, -1)) do
  if other ~= incarnation then soonest = math.min(soonest, tonumber(redis.call('ZSCORE', live, other)) - now) end
  reply[#reply + 1] = other
  reply[#reply + 1] = redis.call('HGET', nodes, other) or ''
end
reply[3] = string.format('%d', math.max(soonest, 0))
return reply
`, { needs: 'each command' })
