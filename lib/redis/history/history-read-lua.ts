/** Lua functions for the scripts of this folder. */
export const historyReadLua = String.raw`
-- What a log holds after a position. Included by append.lua and read.lua.
--
-- meta: e epoch, o offset, l link; ko, kl, ks: offset, link and state of the newest snapshot;
--       r, c: when the dedupe was rotated (ms), and which of its two hashes is current (0 or 1)
-- stream: one entry an offset, with i id, f frame, l link, p previous link, w what becomes of it when it cannot be written, t time (ms)

local max_entries, max_bytes = 1000, 1048576

-- { offset, id, link, prev, whenSlow, frame } of a stream's entry.
local function entry_of(raw)
  local f = {}
  for i = 1, #raw[2], 2 do f[raw[2][i]] = raw[2][i + 1] end
  return { string.match(raw[1], '^%d+'), f.i, f.l, f.p, f.w, f.f }
end

local function entries_after(stream, offset)
  local list = {}
  for i, raw in ipairs(redis.call('XRANGE', stream, string.format('%d-0', offset + 1), '+')) do list[i] = entry_of(raw) end
  return list
end

-- The newest within the bound, and whether the bound cut it off.
local function newest(stream, from)
  local found, bytes = {}, 0
  for _, raw in ipairs(redis.call('XREVRANGE', stream, '+', from, 'COUNT', max_entries + 1)) do
    local entry = entry_of(raw)
    bytes = bytes + #entry[6]
    if #found == max_entries or bytes > max_bytes then return found, true end
    found[#found + 1] = entry
  end
  return found, false
end

local function reversed(list)
  local out = {}
  for i = #list, 1, -1 do out[#out + 1] = list[i] end
  return out
end

-- why not, or nil with what was missed
local function missed_since(stream, top, epoch, offset, link)
  if epoch == nil then return 'fresh' end
  if epoch ~= top.epoch then return 'epoch' end
  if offset > top.offset then return 'future' end
  if offset == top.offset then
    if link == top.link then return nil, {} end
    return 'fork'
  end
  local first = redis.call('XRANGE', stream, string.format('%d-0', offset + 1), '+', 'COUNT', 1)[1]
  local follows = first and entry_of(first)
  if not follows or tonumber(follows[1]) ~= offset + 1 then return 'trimmed' end
  if follows[4] ~= link then return 'fork' end
  local found, cut = newest(stream, string.format('%d-0', offset + 1))
  if cut then return 'limit' end
  return nil, reversed(found)
end

-- { epoch, offset, link, reason or '', snapshot { offset, link, state } or {}, entries }
local function read_log(meta, stream, epoch, offset, link)
  local m = redis.call('HMGET', meta, 'e', 'o', 'l', 'ko', 'kl', 'ks')
  local top = { epoch = m[1], offset = tonumber(m[2]), link = m[3] }
  local reason, entries = missed_since(stream, top, epoch, offset, link)
  if not reason then return { m[1], m[2], m[3], '', {}, entries } end
  local found = newest(stream, '-')
  entries = reversed(found)
  if not m[4] then return { m[1], m[2], m[3], reason, {}, entries } end
  local kept = entries_after(stream, tonumber(m[4]))
  if #kept > #entries then entries = kept end
  return { m[1], m[2], m[3], reason, { m[4], m[5], m[6] }, entries }
end

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- A log begins with the first question about it, so that its position can be expected.
local function begin(meta, stream, ids_a, ids_b, epoch, ttl)
  if redis.call('HEXISTS', meta, 'e') == 1 then return end
  redis.call('DEL', meta, stream, ids_a, ids_b)
  redis.call('HSET', meta, 'e', epoch, 'o', '0', 'l', '')
  redis.call('PEXPIRE', meta, ttl)
end
`
