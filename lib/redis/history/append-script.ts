import { script } from '../commands.ts'
import { historyReadLua } from './history-read-lua.ts'

export const appendScript = script('append', String.raw`
-- KEYS: meta, stream, two dedupe hashes, pub/sub channel
-- ARGV: id, frame, whenSlow ('' or 'skip'), limit, ttl (ms), epoch for a log that begins, dedupe window (ms), snapshot ('' for none),
--       and optionally the position expected: epoch, offset, link
-- Returns { 'appended' | 'duplicate', epoch, offset, link }, { 'behind', read } or { 'full' }.
local meta, stream, id = KEYS[1], KEYS[2], ARGV[1]
local limit, ttl, window = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[7])
local snapshot = ARGV[8] ~= '' and ARGV[8] or nil
local us = now_us()
local now = math.floor(us / 1000)

begin(meta, stream, KEYS[3], KEYS[4], ARGV[6], math.max(ttl, window))
local m = redis.call('HMGET', meta, 'e', 'o', 'l', 'ko', 'r', 'c')
local epoch, top, prev, kept = m[1], tonumber(m[2]), m[3], tonumber(m[4])

for i = 3, 4 do
  local known = redis.call('HGET', KEYS[i], id)
  if known then
    local offset, link = string.match(known, '^(%d+) (.*)$')
    return { 'duplicate', epoch, offset, link }
  end
end

if ARGV[9] and (ARGV[9] ~= epoch or tonumber(ARGV[10]) ~= top or ARGV[11] ~= prev) then
  return { 'behind', read_log(meta, stream, ARGV[9], tonumber(ARGV[10]), ARGV[11]) }
end
if not snapshot and redis.call('XLEN', stream) >= 4 * limit then return { 'full' } end

local offset = top + 1
local text = string.format('%d', offset)
local link = string.sub(redis.sha1hex(prev .. ' ' .. id .. ' ' .. string.format('%d', us)), 1, 12)
redis.call('XADD', stream, text .. '-0', 'i', id, 'f', ARGV[2], 'l', link, 'p', prev, 'w', ARGV[3], 't', string.format('%d', now))

local current = tonumber(m[6] or '0')
if now - tonumber(m[5] or '0') > window then
  current = 1 - current
  redis.call('DEL', KEYS[3 + current])
  redis.call('HSET', meta, 'r', string.format('%d', now), 'c', tostring(current))
end
redis.call('HSET', KEYS[3 + current], id, text .. ' ' .. link)
redis.call('PEXPIRE', KEYS[3 + current], 2 * window)

redis.call('HSET', meta, 'o', text, 'l', link)
if snapshot then
  kept = offset
  redis.call('HSET', meta, 'ko', text, 'kl', link, 'ks', snapshot)
end

-- By count, then by age a few heads at a time; never past the snapshot.
local last = kept or offset
local first = math.min(offset - limit, last) + 1
for _, raw in ipairs(redis.call('XRANGE', stream, string.format('%d-0', math.max(first, 0)), '+', 'COUNT', 8)) do
  local entry = entry_of(raw)
  local time
  for i = 1, #raw[2], 2 do if raw[2][i] == 't' then time = tonumber(raw[2][i + 1]) end end
  if time + ttl > now or tonumber(entry[1]) > last or tonumber(entry[1]) == offset then break end
  first = tonumber(entry[1]) + 1
end
if first > 1 then redis.call('XTRIM', stream, 'MINID', string.format('%d-0', first)) end

redis.call('PEXPIRE', meta, 2 * math.max(ttl, window))
redis.call('PEXPIRE', stream, kept and 2 * math.max(ttl, window) or ttl)
local head = { epoch, text, id, link, prev, ARGV[3], string.format('%d', #ARGV[2]) }
redis.call('SPUBLISH', KEYS[5], '1l' .. cjson.encode(head) .. '\n' .. ARGV[2] .. (snapshot or ''))
return { 'appended', epoch, text, link }
`, { binary: true, include: historyReadLua })
