import { script } from '../commands.ts'

export const freeScript = script('free', String.raw`
-- KEYS: places; ARGV: connection, then all incarnations under which this node may hold it
for i = 2, #ARGV do redis.call('ZREM', KEYS[1], ARGV[i] .. ' ' .. ARGV[1]) end
return 1
`)
