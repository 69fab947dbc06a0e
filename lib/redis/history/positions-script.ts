import { script } from '../commands.ts'

export const positionsScript = script('positions', String.raw`
-- KEYS: meta. Returns { epoch, offset, link }, or nothing where there is no log.
local m = redis.call('HMGET', KEYS[1], 'e', 'o', 'l')
return m[1] and m or {}
`)
