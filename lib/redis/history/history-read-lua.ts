/** Lua functions that the scripts of this folder share. */
export const historyReadLua = String.raw`
-- meta hash: epoch, offset, hash (the newest position); snapshot_offset, snapshot_hash, snapshot (the newest one);
--            retained (bytes of it and of the entries after it in a recovery),
--            rotated (when the dedupe hashes were rotated, in ms), current (which of the two is current: 0 or 1)
-- stream: one entry an offset, with the ID offset-0: id, message (encoded), hash, prev, slow (what to do for a slow
--         reader), time (ms)

-- { offset, id, hash, prev, slow, message } of an entry of the stream, whose fields always have the order of the XADD.
local function entry_of(raw)
  local fields = raw[2]
  return { string.sub(raw[1], 1, -3), fields[2], fields[6], fields[8], fields[10], fields[4] }
end

local function stream_id(offset)
  return string.format('%d-0', offset)
end

local function reversed(list)
  local out = {}
  for i = #list, 1, -1 do out[#out + 1] = list[i] end
  return out
end

-- The newest entries from an offset on within the bound, in order, and whether the bound left entries out. They are
-- fetched in pages of at most 16, and of fewer where the bound has room for fewer of that size, because Redis serves
-- nobody meanwhile.
local function newest(stream, top, first, bound)
  local found, bytes, count = {}, 0, 1
  while top - #found >= first and #found < bound.entries do
    count = math.min(count, bound.entries - #found)
    local page = redis.call('XREVRANGE', stream, stream_id(top - #found), stream_id(first), 'COUNT', count)
    if #page == 0 then break end
    for _, raw in ipairs(page) do
      local entry = entry_of(raw)
      bytes = bytes + #entry[6]
      if bytes > bound.bytes then return reversed(found), true end
      found[#found + 1] = entry
    end
    count = math.max(1, math.min(2 * count, 16, math.floor((bound.bytes - bytes) * #found / math.max(bytes, 1))))
  end
  return reversed(found), top - #found >= first
end

-- The reason why the entries after a position cannot be given, or nil; and the entries after it within the bound. The
-- same rule as in lib/protocol/recoverability.ts: both run against one table of cases.
local function missed_since(stream, top, since, bound)
  if since.epoch == nil then return 'fresh' end
  if since.epoch ~= top.epoch then return 'epoch' end
  if since.offset > top.offset then return 'future' end
  if since.offset == top.offset then
    if since.hash == top.hash then return nil, {} end
    return 'fork'
  end
  local first = redis.call('XRANGE', stream, stream_id(since.offset + 1), '+', 'COUNT', 1)[1]
  local following = first and entry_of(first)
  if not following or tonumber(following[1]) ~= since.offset + 1 then return 'trimmed' end
  if following[4] ~= since.hash then return 'fork' end
  local entries, is_cut = newest(stream, top.offset, since.offset + 1, bound)
  return is_cut and 'limit' or nil, entries
end

-- { epoch, offset, hash, reason or '', snapshot { offset, hash, state } or {}, entries }
local function read_history(meta, stream, since, bound)
  local m = redis.call('HMGET', meta, 'epoch', 'offset', 'hash', 'snapshot_offset', 'snapshot_hash', 'snapshot')
  local top = { epoch = m[1], offset = tonumber(m[2]), hash = m[3] }
  local reason, entries = missed_since(stream, top, since, bound)
  if not reason then return { m[1], m[2], m[3], '', {}, entries } end
  entries = entries or newest(stream, top.offset, 0, bound)
  return { m[1], m[2], m[3], reason, m[4] and { m[4], m[5], m[6] } or {}, entries }
end

-- Microseconds since 1970.
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- A history begins with the first read or append, so that its position can be expected.
local function begin(meta, stream, ids0, ids1, epoch, ttl)
  if redis.call('HEXISTS', meta, 'epoch') == 1 then return end
  redis.call('DEL', meta, stream, ids0, ids1)
  redis.call('HSET', meta, 'epoch', epoch, 'offset', '0', 'hash', '')
  redis.call('PEXPIRE', meta, ttl)
end
`
