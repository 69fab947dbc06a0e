/** Lua functions for the scripts of this folder. */
export const presenceStateLua = String.raw`
-- One channel's presence. Included by apply.lua and sweep.lua.
-- KEYS 1 meta: e epoch, s sequence; 2 refs: user -> connections; 3 data: user -> JSON; 4 graces: user -> due (ms); 5 incarnations -> connections;
--      6 entries of one incarnation: connection -> "version user", without a user for one that has left; 7 its tombstone; 8 pub/sub
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local changes = {}
local lasts = 120000

local function left(user)
  redis.call('HDEL', KEYS[2], user)
  redis.call('HDEL', KEYS[3], user)
  redis.call('ZREM', KEYS[4], user)
  changes[#changes + 1] = { '-', user }
end

local function enter(user, data)
  local refs = redis.call('HINCRBY', KEYS[2], user, 1)
  local before = redis.call('HGET', KEYS[3], user)
  redis.call('HSET', KEYS[3], user, data)
  redis.call('ZREM', KEYS[4], user)
  if not before then
    changes[#changes + 1] = { '+', user, data }
  elseif before ~= data then
    changes[#changes + 1] = { '~', user, data }
  end
end

-- A grace that runs already is not cut short. It is noted though others of the user's connections are still there.
local function exit(user, grace)
  local refs = redis.call('HINCRBY', KEYS[2], user, -1)
  local due = math.max(tonumber(redis.call('ZSCORE', KEYS[4], user) or '0'), grace > 0 and now + grace or 0)
  if due > now then redis.call('ZADD', KEYS[4], due, user)
  elseif refs <= 0 then left(user) end
end

local function fire_graces()
  for _, user in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now)) do
    if tonumber(redis.call('HGET', KEYS[2], user) or '0') <= 0 then left(user) else redis.call('ZREM', KEYS[4], user) end
  end
end

local function count_entry(incarnation, by)
  if redis.call('HINCRBY', KEYS[5], incarnation, by) <= 0 then redis.call('HDEL', KEYS[5], incarnation) end
end

-- Numbers and publishes what changed; an empty channel keeps nothing.
local function finish(epoch)
  if #changes > 0 then
    redis.call('HSETNX', KEYS[1], 'e', epoch)
    local last = redis.call('HINCRBY', KEYS[1], 's', #changes)
    local message = { redis.call('HGET', KEYS[1], 'e'), last - #changes + 1, changes }
    redis.call('SPUBLISH', KEYS[8], '1p' .. cjson.encode(message))
  end
  if redis.call('HLEN', KEYS[2]) == 0 then
    redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
  else
    for i = 1, 5 do redis.call('PEXPIRE', KEYS[i], lasts) end
  end
  redis.call('PEXPIRE', KEYS[6], lasts)
end
`
