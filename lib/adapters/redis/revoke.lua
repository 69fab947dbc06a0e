-- Revocations. KEYS: all of them (hash key -> until, ms), pub/sub of all nodes. ARGV: now (ms), then key and until of each
-- Returns all that hold, as key, until, ... The later of two counts; what is over is forgotten.
for i = 2, #ARGV, 2 do
  local known = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0')
  if known < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    redis.call('SPUBLISH', KEYS[2], '1r' .. cjson.encode({ ARGV[i], ARGV[i + 1] }))
  end
end
local held = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if tonumber(all[i + 1]) <= tonumber(ARGV[1]) then
    redis.call('HDEL', KEYS[1], all[i])
  else
    held[#held + 1] = all[i]
    held[#held + 1] = all[i + 1]
  end
end
return held
