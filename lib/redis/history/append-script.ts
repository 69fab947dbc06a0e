import { headerOf } from '../pubsub/message-kinds.ts'
import { defineScript } from '../script-runner.ts'
import { historyReadLua } from './history-read-lua.ts'

export const appendScript = defineScript('append', String.raw`
-- KEYS: meta, stream, two dedupe hashes (id -> "offset hash"), pub/sub channel
-- ARGV: id, message, slow ('' or 'skip'), limit, ttl (ms), epoch for a history that begins, dedupe window (ms),
--       multiple of the limit at which the history is full, bound of a recovery: entries, bytes, snapshot ('' for
--       none), size of the entry in a recovery, and optionally the expected position: epoch, offset, hash
-- Returns { 'appended' | 'duplicate', epoch, offset, hash }, { 'behind', epoch, offset, hash } or { 'full' }.
local meta, stream, id, message = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local limit, ttl, window, stretch = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[7]), tonumber(ARGV[8])
local most_entries, most_bytes, size = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[12])
local snapshot = ARGV[11] ~= '' and ARGV[11] or nil
local after = { epoch = ARGV[13], offset = tonumber(ARGV[14]), hash = ARGV[15] }
local us = now_us()
local now = math.floor(us / 1000)

begin(meta, stream, KEYS[3], KEYS[4], ARGV[6], math.max(ttl, window))
local m = redis.call('HMGET', meta, 'epoch', 'offset', 'hash', 'snapshot_offset', 'rotated', 'current', 'retained')
local epoch, top, prev, kept = m[1], tonumber(m[2]), m[3], tonumber(m[4])

for i = 3, 4 do
  local known = redis.call('HGET', KEYS[i], id)
  if known then
    local offset, hash = string.match(known, '^(%d+) (.*)$')
    if tonumber(offset) <= top then return { 'duplicate', epoch, offset, hash } end
  end
end

if after.epoch and (after.epoch ~= epoch or after.offset ~= top or after.hash ~= prev) then
  return { 'behind', epoch, m[2], prev }
end
local retained = snapshot and #snapshot or tonumber(m[7] or '0') + size
local is_full = kept and (top - kept >= math.min(stretch * limit, most_entries) or retained > most_bytes)
if is_full and not snapshot then return { 'full' } end

local offset = top + 1
local offset_text = string.format('%d', offset)
local hash = string.sub(redis.sha1hex(prev .. ' ' .. id .. ' ' .. string.format('%d', us)), 1, 12)
local function add()
  return redis.pcall('XADD', stream, stream_id(offset), 'id', id, 'message', message, 'hash', hash, 'prev', prev,
    'slow', ARGV[3], 'time', string.format('%d', now))
end

-- An append that failed after its XADD has left an entry above the top. It counts as not appended.
local function remove_surplus()
  for _, raw in ipairs(redis.call('XRANGE', stream, stream_id(offset), '+')) do
    redis.call('HDEL', KEYS[3], raw[2][2])
    redis.call('HDEL', KEYS[4], raw[2][2])
    redis.call('XDEL', stream, raw[1])
  end
  redis.call('XSETID', stream, stream_id(top))
end

local added = add()
if type(added) == 'table' and string.find(added.err, 'equal or smaller', 1, true) then
  remove_surplus()
  added = add()
end
if type(added) == 'table' then return added end

local current = tonumber(m[6] or '0')
if now - tonumber(m[5] or '0') > window then
  current = 1 - current
  redis.call('DEL', KEYS[3 + current])
  redis.call('HSET', meta, 'rotated', string.format('%d', now), 'current', tostring(current))
end
redis.call('HSET', KEYS[3 + current], id, offset_text .. ' ' .. hash)
redis.call('PEXPIRE', KEYS[3 + current], 2 * window)

if snapshot then kept = offset end

-- Trim by count, then by age; never past the snapshot. Eight entries an append bound the work, and outpace the appends.
-- One is fetched at a time, because most often the first one is young enough.
local last = kept or offset
local first = math.max(math.min(offset - limit, last) + 1, 0)
for _ = 1, 8 do
  local raw = redis.call('XRANGE', stream, stream_id(first), '+', 'COUNT', 1)[1]
  local entry_offset = tonumber(entry_of(raw)[1])
  local time = tonumber(raw[2][12])
  if time + ttl > now or entry_offset > last or entry_offset == offset then break end
  first = entry_offset + 1
end
if first > 1 then redis.call('XTRIM', stream, 'MINID', stream_id(first)) end

-- Meta outlives the stream and the dedupe hashes, so that a position stays comparable.
local meta_ttl = 2 * math.max(ttl, window)
redis.call('PEXPIRE', meta, meta_ttl)
redis.call('PEXPIRE', stream, kept and meta_ttl or ttl)

-- Only now the entry counts. Whatever failed before, such as a missing right, left it above the top.
redis.call('HSET', meta, 'offset', offset_text, 'hash', hash, 'retained', string.format('%d', retained))
if snapshot then
  redis.call('HSET', meta, 'snapshot_offset', offset_text, 'snapshot_hash', hash, 'snapshot', snapshot)
end
local head = cjson.encode({ epoch, offset_text, id, hash, prev, ARGV[3], string.format('%d', #message) })
redis.call('SPUBLISH', KEYS[5], '${headerOf('h')}' .. head .. '\n' .. message .. (snapshot or ''))
return { 'appended', epoch, offset_text, hash }
`, { binary: true, include: historyReadLua, needs: ['SPUBLISH'] })
