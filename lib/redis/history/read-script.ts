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
