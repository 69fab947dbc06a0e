import { script } from '../commands.ts'

export const indexedChannelsScript = script('indexed-channels', String.raw`
-- The channels of an incarnation. KEYS: its index
return redis.call('HKEYS', KEYS[1])
`)
