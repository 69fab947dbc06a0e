import { script } from '../commands.ts'

export const renewScript = script('renew', String.raw`
-- KEYS: live (zset incarnation -> expiry in ms), starts (hash: when its unbroken lease began), dead (zset -> until when somebody sweeps it),
--       last (the newest incarnation), nodes (hash incarnation -> node)
-- ARGV: incarnation ('' for a first lease), node, length of a lease (ms)
-- Returns { 'dead' } when the incarnation was declared dead, or Redis has lost it; else
-- { incarnation, an incarnation to sweep or '', ms until the next other lease expires, now (ms), incarnation, node, ... of all that live }.
local live, starts, dead, last, nodes = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local incarnation, lease = ARGV[1], tonumber(ARGV[3])
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)

if incarnation == '' then
  incarnation = string.format('%d', math.max(tonumber(redis.call('GET', last) or '0') + 1, us))
  redis.call('SET', last, incarnation)
  redis.call('HSET', nodes, incarnation, ARGV[2])
  redis.call('HSET', starts, incarnation, string.format('%d', now))
else
  local expiry = redis.call('ZSCORE', live, incarnation)
  if not expiry then return { 'dead' } end
  -- Late, and nobody noticed: the lease goes on, but who was away cannot yet judge others.
  if tonumber(expiry) < now then redis.call('HSET', starts, incarnation, string.format('%d', now)) end
end
redis.call('ZADD', live, now + lease, incarnation)

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
local reply = { incarnation, sweep, 0, string.format('%d', now) }
for _, other in ipairs(redis.call('ZRANGE', live, 0, -1)) do
  if other ~= incarnation then soonest = math.min(soonest, tonumber(redis.call('ZSCORE', live, other)) - now) end
  reply[#reply + 1] = other
  reply[#reply + 1] = redis.call('HGET', nodes, other) or ''
end
reply[3] = math.max(soonest, 0)
return reply
`)
