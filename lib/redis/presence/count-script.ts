import { script } from '../commands.ts'

export const countScript = script('count', String.raw`
-- How many users are present. KEYS: data
return redis.call('HLEN', KEYS[1])
`)
