import { defineScript } from '../script-runner.ts'
import { historyReadLua } from './history-read-lua.ts'

export const clearScript = defineScript('clear', String.raw`
-- KEYS: meta, stream, two dedupe hashes
-- ARGV: epoch and time to live (ms) of the history that begins
redis.call('DEL', KEYS[1])
begin(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1], tonumber(ARGV[2]))
`, { include: historyReadLua, needs: 'each command' })
