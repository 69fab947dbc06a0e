import { defineScript } from '../script-runner.ts'

export const positionScript = defineScript('position', String.raw`
-- KEYS: meta. Returns { epoch, offset, hash }, or {} for a channel without a history.
local m = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'hash')
return m[1] and m or {}
`)
