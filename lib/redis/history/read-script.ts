import { script } from '../commands.ts'
import { historyReadLua } from './history-read-lua.ts'

export const readScript = script('read', String.raw`
-- KEYS: meta, stream, two dedupe hashes
-- ARGV: epoch for a log that begins, time to live (ms) of one that begins, and optionally a position: epoch, offset, link
-- A write script, so that a replica that was a master answers READONLY, and not with what it no longer knows.
begin(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1], tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[2])))
return read_log(KEYS[1], KEYS[2], ARGV[3], tonumber(ARGV[4]), ARGV[5])
`, { binary: true, include: historyReadLua })
