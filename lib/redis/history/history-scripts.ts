import { defineScript } from '../script-runner.ts'
import { historyReadLua } from './history-read-lua.ts'

export const readScript = defineScript('read', String.raw`
-- KEYS: meta, stream, two dedupe hashes
-- ARGV: epoch and time to live (ms) of a history that begins, bound of a read: entries, bytes,
--       and optionally a position: epoch, offset, hash
-- A write script: a demoted master then answers READONLY instead of reading stale data.
local meta, stream, ttl = KEYS[1], KEYS[2], tonumber(ARGV[2])
begin(meta, stream, KEYS[3], KEYS[4], ARGV[1], ttl)
redis.call('PEXPIRE', meta, math.max(redis.call('PTTL', meta), ttl))
local since = { epoch = ARGV[5], offset = tonumber(ARGV[6]), hash = ARGV[7] }
return read_history(meta, stream, since, { entries = tonumber(ARGV[3]), bytes = tonumber(ARGV[4]) })
`, { binary: true, include: historyReadLua })

export const readBeforeScript = defineScript('read-before', String.raw`
-- KEYS: meta, stream, two dedupe hashes
-- ARGV: epoch and time to live (ms) of a history that begins, bound of a page: entries, bytes; the offset before which
--       entries are wanted, or '' for the newest ones
-- Returns { epoch, offset, hash, '1' where there are older entries, entries }. A write script, as the read is.
local meta, stream = KEYS[1], KEYS[2]
local bound = { entries = tonumber(ARGV[3]), bytes = tonumber(ARGV[4]) }
begin(meta, stream, KEYS[3], KEYS[4], ARGV[1], tonumber(ARGV[2]))
local m = redis.call('HMGET', meta, 'epoch', 'offset', 'hash')
local top = math.min(tonumber(m[2]), (tonumber(ARGV[5]) or math.huge) - 1)
local entries = newest(stream, top, 0, bound)
-- A single entry may be larger than the bound.
if #entries == 0 then entries = newest(stream, top, 0, { entries = 1, bytes = math.huge }) end
local first = entries[1] and tonumber(entries[1][1]) or 0
local older = first > 1 and redis.call('XREVRANGE', stream, stream_id(first - 1), '-', 'COUNT', 1) or {}
return { m[1], m[2], m[3], older[1] and '1' or '', entries }
`, { binary: true, include: historyReadLua })

export const positionScript = defineScript('position', String.raw`
-- KEYS: meta. Returns { epoch, offset, hash }, or {} for a channel without a history.
local m = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'hash')
return m[1] and m or {}
`)

export const clearScript = defineScript('clear', String.raw`
-- KEYS: meta, stream, two dedupe hashes
-- ARGV: epoch and time to live (ms) of the history that begins
redis.call('DEL', KEYS[1])
begin(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1], tonumber(ARGV[2]))
`, { include: historyReadLua, needs: 'each command' })
