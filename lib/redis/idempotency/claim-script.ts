import { defineScript } from '../script-runner.ts'

export const claimScript = defineScript('claim', String.raw`
-- KEYS: the claim, a hash: content (hash of the message's content), owner, reply (once the message is handled); the
--       meta hash and the two dedupe hashes of the channel's history
-- ARGV: content, owner, time to live of a claim (ms), id of the message
-- Returns { 'conflict' }, { 'done', reply } or { 'claimed' | 'running', epoch, "offset hash" of each known entry }.
local known = redis.call('HMGET', KEYS[1], 'content', 'owner', 'reply')
local content, owner, reply = known[1], known[2], known[3]
if content and content ~= ARGV[1] then return { 'conflict' } end
if reply then return { 'done', reply } end
local is_claimed = not owner or owner == ARGV[2]
if is_claimed then
  redis.call('HSET', KEYS[1], 'content', ARGV[1], 'owner', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
local outcome = { is_claimed and 'claimed' or 'running', redis.call('HGET', KEYS[2], 'epoch') or '' }
-- The ids are those of entryIdOf in lib/protocol/position.ts.
local id = ARGV[4]
while true do
  local entry = redis.call('HGET', KEYS[3], id) or redis.call('HGET', KEYS[4], id)
  if not entry then return outcome end
  outcome[#outcome + 1] = entry
  id = ARGV[4] .. ':' .. (#outcome - 2)
end
`, { needs: 'each command' })
