import { script } from '../commands.ts'

export const indexChannelScript = script('index-channel', String.raw`
-- The channels of an incarnation. KEYS: live, its index (hash channel -> version). ARGV: incarnation, channel, version, '+' or '-'
-- Returns 'dead' instead of adding to what nobody would sweep any more.
local known = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or '0')
if ARGV[4] == '-' then
  if known < tonumber(ARGV[3]) then redis.call('HDEL', KEYS[2], ARGV[2]) end
  return 'done'
end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 'dead' end
if known < tonumber(ARGV[3]) then redis.call('HSET', KEYS[2], ARGV[2], ARGV[3]) end
return 'done'
`)
