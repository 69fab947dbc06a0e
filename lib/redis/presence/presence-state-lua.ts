import { headerOf } from '../pubsub/message-kinds.ts'

/** Lua functions that the scripts of this folder share. */
export const presenceStateLua = String.raw`
-- The presence list of one channel.
-- KEYS 1 meta hash: epoch, sequence
--      2 refs (hash: user -> number of connections; 0 during a grace period)
--      3 data (hash: user -> JSON)
--      4 graces (zset: user by the end of the grace period in ms)
--      5 incarnations (hash: incarnation -> number of connections)
--      6 entries of one incarnation (hash: connection -> "version user"; without a user for one that exited)
--      7 tombstone of that incarnation
--      8 pub/sub channel
local meta, refs, data, graces, incarnations = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local entries, tombstone = KEYS[6], KEYS[7]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local changes = {}

local function leave(user)
  redis.call('HDEL', refs, user)
  redis.call('HDEL', data, user)
  redis.call('ZREM', graces, user)
  changes[#changes + 1] = { '-', user }
end

local function enter(user, user_data)
  redis.call('HINCRBY', refs, user, 1)
  local before = redis.call('HGET', data, user)
  redis.call('HSET', data, user, user_data)
  redis.call('ZREM', graces, user)
  if not before then
    changes[#changes + 1] = { '+', user, user_data }
  elseif before ~= user_data then
    changes[#changes + 1] = { '~', user, user_data }
  end
end

-- A running grace period is never shortened. It is stored even while the user has other connections.
local function exit(user, grace)
  local count = redis.call('HINCRBY', refs, user, -1)
  local due = math.max(tonumber(redis.call('ZSCORE', graces, user) or '0'), grace > 0 and now + grace or 0)
  if due > now then redis.call('ZADD', graces, due, user)
  elseif count <= 0 then leave(user) end
end

local function end_due_graces()
  for _, user in ipairs(redis.call('ZRANGEBYSCORE', graces, '-inf', now)) do
    if tonumber(redis.call('HGET', refs, user) or '0') <= 0 then leave(user) else redis.call('ZREM', graces, user) end
  end
end

local function count_entry(incarnation, by)
  if redis.call('HINCRBY', incarnations, incarnation, by) <= 0 then redis.call('HDEL', incarnations, incarnation) end
end

local function publish_changes(epoch)
  if #changes == 0 then return end
  redis.call('HSETNX', meta, 'epoch', epoch)
  local last = redis.call('HINCRBY', meta, 'sequence', #changes)
  local message = { redis.call('HGET', meta, 'epoch'), last - #changes + 1, changes }
  redis.call('SPUBLISH', KEYS[8], '${headerOf('p')}' .. cjson.encode(message))
end

-- Ends due grace periods, publishes the changes, and refreshes the expiry: the keys outlive the longest grace period.
-- Returns the ms until the next grace period of the channel ends, or '' when none runs.
local function finish(epoch, ttl)
  end_due_graces()
  publish_changes(epoch)
  redis.call('PEXPIRE', entries, ttl)
  if redis.call('HLEN', refs) == 0 then
    redis.call('DEL', meta, refs, data, graces, incarnations)
    return ''
  end
  local next_due = redis.call('ZRANGE', graces, 0, 0, 'WITHSCORES')[2]
  local last_due = redis.call('ZRANGE', graces, -1, -1, 'WITHSCORES')[2]
  local channel_ttl = ttl + (last_due and tonumber(last_due) - now or 0)
  for i = 1, 5 do redis.call('PEXPIRE', KEYS[i], string.format('%d', channel_ttl)) end
  return next_due and string.format('%d', tonumber(next_due) - now) or ''
end
`
