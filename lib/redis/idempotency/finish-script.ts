import { script } from '../commands.ts'

export const finishScript = script('finish', String.raw`
-- KEYS: the claim, two dedupe hashes
-- ARGV: hash, owner, reply, how long it is remembered (ms), then id and link of each effect
-- Returns { 'done', reply }, the first one that was given; or { 'lost' } when an effect is no longer there.
local known = redis.call('HMGET', KEYS[1], 'h', 'o', 'r')
if known[1] == ARGV[1] and known[3] then return { 'done', known[3] } end
for i = 5, #ARGV, 2 do
  local entry = redis.call('HGET', KEYS[2], ARGV[i]) or redis.call('HGET', KEYS[3], ARGV[i])
  if not entry or string.match(entry, ' (.*)$') ~= ARGV[i + 1] then
    if known[2] == ARGV[2] then redis.call('DEL', KEYS[1]) end
    return { 'lost' }
  end
end
redis.call('HSET', KEYS[1], 'h', ARGV[1], 'o', ARGV[2], 'r', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 'done', ARGV[3] }
`)
