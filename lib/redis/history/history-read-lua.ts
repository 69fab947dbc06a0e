/** Lua functions that the scripts of this folder share. */
export const historyReadLua = String.raw`
-- meta hash: epoch, offset, hash (the newest position); snapshot_offset, snapshot_hash, snapshot (the newest one);
--            rotated (when the dedupe hashes were rotated, in ms), current (which of the two is current: 0 or 1)
-- stream: one entry an offset: id, message (encoded), hash, prev, slow (what to do for a slow reader), time (ms)

-- { offset, id, hash, prev, slow, message } of an entry of the stream.
local function entry_of(raw)
  local fields = {}
  for i = 1, #raw[2], 2 do fields[raw[2][i]] = raw[2][i + 1] end
  return { string.match(raw[1], '^%d+'), fields.id, fields.hash, fields.prev, fields.slow, fields.message }
end

local function stream_id(offset)
  return string.format('%d-0', offset)
end

local function entries_after(stream, offset)
  local entries = {}
  for i, raw in ipairs(redis.call('XRANGE', stream, stream_id(offset + 1), '+')) do entries[i] = entry_of(raw) end
  return entries
end

local function reversed(list)
  local out = {}
  for i = #list, 1, -1 do out[#out + 1] = list[i] end
  return out
end

-- The newest entries within the bound, in order, and whether the bound left entries out.
local function newest(stream, from, bound)
  local found, bytes = {}, 0
  for _, raw in ipairs(redis.call('XREVRANGE', stream, '+', from, 'COUNT', bound.entries + 1)) do
    local entry = entry_of(raw)
    bytes = bytes + #entry[6]
    if #found == bound.entries or bytes > bound.bytes then return reversed(found), true end
    found[#found + 1] = entry
  end
  return reversed(found), false
end

-- The reason why the entries after a position cannot be given, or nil and these entries. The same rule as in
-- lib/protocol/recoverability.ts: both run against one table of cases.
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
  local entries, is_cut = newest(stream, stream_id(since.offset + 1), bound)
  if is_cut then return 'limit' end
  return nil, entries
end

-- { epoch, offset, hash, reason or '', snapshot { offset, hash, state } or {}, entries }
local function read_history(meta, stream, since, bound)
  local m = redis.call('HMGET', meta, 'epoch', 'offset', 'hash', 'snapshot_offset', 'snapshot_hash', 'snapshot')
  local top = { epoch = m[1], offset = tonumber(m[2]), hash = m[3] }
  local reason, entries = missed_since(stream, top, since, bound)
  if not reason then return { m[1], m[2], m[3], '', {}, entries } end
  entries = newest(stream, '-', bound)
  if not m[4] then return { m[1], m[2], m[3], reason, {}, entries } end
  local after_snapshot = entries_after(stream, tonumber(m[4]))
  if #after_snapshot > #entries then entries = after_snapshot end
  return { m[1], m[2], m[3], reason, { m[4], m[5], m[6] }, entries }
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
