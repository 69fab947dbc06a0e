import { defineScript } from '../script-runner.ts'

export const releaseScript = defineScript('release', String.raw`
-- KEYS: the claim (see claim-script.ts). ARGV: owner
local known = redis.call('HMGET', KEYS[1], 'owner', 'reply')
if known[1] == ARGV[1] and not known[2] then redis.call('DEL', KEYS[1]) end
return 1
`)
