import { script } from '../commands.ts'

export const forgetIncarnationScript = script('forget-incarnation', String.raw`
-- A dead incarnation is swept. KEYS: dead, nodes, its index. ARGV: incarnation
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return 1
`)
