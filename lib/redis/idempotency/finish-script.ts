import { defineScript } from '../script-runner.ts'

export const finishScript = defineScript('finish', String.raw`
-- KEYS: the claim (see claim-script.ts), two dedupe hashes of the channel's history
-- ARGV: content, owner, reply, time to live of the reply (ms), then id and hash of each entry that the attempt appended
-- Returns { 'done', reply } with the reply that was stored first, or { 'lost' } when an entry is no longer there.
local known = redis.call('HMGET', KEYS[1], 'content', 'owner', 'reply')
local content, owner, reply = known[1], known[2], known[3]
if content == ARGV[1] and reply then return { 'done', reply } end
for i = 5, #ARGV, 2 do
  local entry = redis.call('HGET', KEYS[2], ARGV[i]) or redis.call('HGET', KEYS[3], ARGV[i])
  if not entry or string.match(entry, ' (.*)$') ~= ARGV[i + 1] then
    if owner == ARGV[2] then redis.call('DEL', KEYS[1]) end
    return { 'lost' }
  end
end
redis.call('HSET', KEYS[1], 'content', ARGV[1], 'owner', ARGV[2], 'reply', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 'done', ARGV[3] }
`, { needs: 'each command' })
