import { script } from '../commands.ts'

export const releaseScript = script('release', String.raw`
-- KEYS: the claim; ARGV: owner
local known = redis.call('HMGET', KEYS[1], 'o', 'r')
if known[1] == ARGV[1] and not known[2] then redis.call('DEL', KEYS[1]) end
return 1
`)
