import { headerOf } from '../pubsub/message-kinds.ts'
import { defineScript } from '../script-runner.ts'
import { historyReadLua } from './history-read-lua.ts'

/** How many arguments each append has. */
export const appendFields = 9

/**
 * Several appends to one history in one step, in their order. Of 64 that arrive together, each costs Redis a third of
 * what a script of its own costs, because all but XADD is done once for all of them.
 */
export const appendScript = defineScript('append', String.raw`
-- KEYS: meta, stream, two dedupe hashes (id -> "offset hash"), pub/sub channel
-- ARGV: limit, ttl (ms), epoch of a history that begins, dedupe window (ms), multiple of the limit at which it is full,
--       bound of a recovery: entries, bytes. For each append: id, message, slow ('' or 'skip'), snapshot ('' for none),
--       size of the entry in a recovery, '1' where a position is expected, and that position: epoch, offset, hash
-- Returns for each append { 'appended' | 'duplicate', epoch, offset, hash }, { 'behind', epoch, offset, hash } or
-- { 'full' }.
local meta, stream = KEYS[1], KEYS[2]
local limit, ttl, window, stretch = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
local most_entries, most_bytes = tonumber(ARGV[6]), tonumber(ARGV[7])
local us = now_us()
local now = math.floor(us / 1000)

local ids = {}
for i = 8, #ARGV, ${appendFields} do ids[#ids + 1] = ARGV[i] end

begin(meta, stream, KEYS[3], KEYS[4], ARGV[3], math.max(ttl, window))
local m = redis.call('HMGET', meta, 'epoch', 'offset', 'hash', 'snapshot_offset', 'rotated', 'current', 'retained')
local epoch, top, prev, kept = m[1], tonumber(m[2]), m[3], tonumber(m[4])
local retained = tonumber(m[7] or '0')
local stored_top = top
local known = { redis.call('HMGET', KEYS[3], unpack(ids)), redis.call('HMGET', KEYS[4], unpack(ids)) }
-- What this script appends: by id, as ids and their values in turn, heads and contents to publish, the newest snapshot.
local added, pairs_of_ids, heads, contents, snapshot = {}, {}, {}, {}, nil
local stored_prev = prev

local function text_of(offset)
  return string.format('%d', offset)
end

local function known_entry(i)
  if added[ids[i]] then return added[ids[i]] end
  for _, values in ipairs(known) do
    local offset, hash = string.match(values[i] or '', '^(%d+) (.*)$')
    if offset and tonumber(offset) <= stored_top then return { offset, hash } end
  end
end

-- An append that failed after its XADD has left an entry above the top. It counts as not appended.
local function remove_surplus()
  for _, raw in ipairs(redis.call('XRANGE', stream, stream_id(top + 1), '+')) do
    redis.call('HDEL', KEYS[3], raw[2][2])
    redis.call('HDEL', KEYS[4], raw[2][2])
    redis.call('XDEL', stream, raw[1])
  end
  redis.call('XSETID', stream, stream_id(top))
end

local function add(id, message, hash, slow)
  local function try()
    return redis.pcall('XADD', stream, stream_id(top + 1), 'id', id, 'message', message, 'hash', hash, 'prev', prev,
      'slow', slow, 'time', string.format('%d', now))
  end
  local result = try()
  if type(result) == 'table' and string.find(result.err, 'equal or smaller', 1, true) then
    remove_surplus()
    result = try()
  end
  return type(result) == 'table' and result or nil
end

-- The outcome, or the error of Redis.
local function append(i)
  local a = 8 + (i - 1) * ${appendFields}
  local id, message, slow, state = ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3] ~= '' and ARGV[a + 3] or nil
  local found = known_entry(i)
  if found then return { 'duplicate', epoch, found[1], found[2] } end
  local is_behind = ARGV[a + 6] ~= epoch or tonumber(ARGV[a + 7]) ~= top or ARGV[a + 8] ~= prev
  if ARGV[a + 5] == '1' and is_behind then return { 'behind', epoch, text_of(top), prev } end
  local then_retained = state and #state or retained + tonumber(ARGV[a + 4])
  local is_full = kept and (top - kept >= math.min(stretch * limit, most_entries) or then_retained > most_bytes)
  if is_full and not state then return { 'full' } end

  local hash = string.sub(redis.sha1hex(prev .. ' ' .. id .. ' ' .. string.format('%d', us)), 1, 12)
  local failure = add(id, message, hash, slow)
  if failure then return failure end
  local offset = text_of(top + 1)
  heads[#heads + 1] = { id, hash, slow, #message, state and #state or 0 }
  contents[#contents + 1] = message .. (state or '')
  added[id] = { offset, hash }
  pairs_of_ids[#pairs_of_ids + 1] = id
  pairs_of_ids[#pairs_of_ids + 1] = offset .. ' ' .. hash
  top, prev, retained = top + 1, hash, then_retained
  if state then kept, snapshot = top, { offset, hash, state } end
  return { 'appended', epoch, offset, hash }
end

-- One entry has a kind of its own, which nodes know that read no batches yet. They read a batch from the history.
local function published()
  local first, offset = heads[1], text_of(stored_top + 1)
  local kind, head = '${headerOf('h')}', { epoch, offset, first[1], first[2], stored_prev, first[3], text_of(first[4]) }
  if #heads > 1 then kind, head = '${headerOf('e')}', { epoch, offset, stored_prev, heads } end
  return kind .. cjson.encode(head) .. '\n' .. table.concat(contents)
end

local outcomes = {}
for i = 1, #ids do
  outcomes[i] = append(i)
  -- Nothing counts yet, so none of the appends does.
  if outcomes[i].err then return outcomes[i] end
end
if #heads == 0 then return outcomes end

local current = tonumber(m[6] or '0')
if now - tonumber(m[5] or '0') > window then
  current = 1 - current
  redis.call('DEL', KEYS[3 + current])
  redis.call('HSET', meta, 'rotated', string.format('%d', now), 'current', tostring(current))
end
redis.call('HSET', KEYS[3 + current], unpack(pairs_of_ids))
redis.call('PEXPIRE', KEYS[3 + current], 2 * window)

-- Trim by count, then by age; never past the snapshot. Eight entries an append bound the work, and outpace the appends.
-- One is fetched at a time, because most often the first one is young enough.
local last = kept or top
local first = math.max(math.min(top - limit, last) + 1, 0)
for _ = 1, 8 * #heads do
  local raw = redis.call('XRANGE', stream, stream_id(first), '+', 'COUNT', 1)[1]
  local entry_offset = tonumber(entry_of(raw)[1])
  local time = tonumber(raw[2][12])
  if time + ttl > now or entry_offset > last or entry_offset == top then break end
  first = entry_offset + 1
end
if first > 1 then redis.call('XTRIM', stream, 'MINID', stream_id(first)) end

-- Meta outlives the stream and the dedupe hashes, so that a position stays comparable.
local meta_ttl = 2 * math.max(ttl, window)
redis.call('PEXPIRE', meta, meta_ttl)
redis.call('PEXPIRE', stream, kept and meta_ttl or ttl)

-- Only now the entries count. Whatever failed before, such as a missing right, left them above the top.
redis.call('HSET', meta, 'offset', text_of(top), 'hash', prev, 'retained', string.format('%d', retained))
if snapshot then
  redis.call('HSET', meta, 'snapshot_offset', snapshot[1], 'snapshot_hash', snapshot[2], 'snapshot', snapshot[3])
end
redis.call('SPUBLISH', KEYS[5], published())
return outcomes
`, { binary: true, include: historyReadLua, needs: ['SPUBLISH'] })
