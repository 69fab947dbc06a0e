import { defineScript } from '../script-runner.ts'

export const claimScript = defineScript('claim', String.raw`
-- KEYS: the claim, a hash: content (hash of the message's content), owner, reply (once the message is handled)
-- ARGV: content, owner, time to live of a claim (ms)
-- Returns { 'claimed' | 'running' | 'conflict' } or { 'done', reply }.
local known = redis.call('HMGET', KEYS[1], 'content', 'owner', 'reply')
local content, owner, reply = known[1], known[2], known[3]
if content and content ~= ARGV[1] then return { 'conflict' } end
if reply then return { 'done', reply } end
if owner and owner ~= ARGV[2] then return { 'running' } end
redis.call('HSET', KEYS[1], 'content', ARGV[1], 'owner', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { 'claimed' }
`)
