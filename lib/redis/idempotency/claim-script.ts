import { script } from '../commands.ts'

export const claimScript = script('claim', String.raw`
-- KEYS: the claim: h hash of the content, o owner, r reply once it is done
-- ARGV: hash, owner, how long a claim lasts (ms)
-- Returns { 'claimed' | 'running' | 'conflict' } or { 'done', reply }.
local known = redis.call('HMGET', KEYS[1], 'h', 'o', 'r')
if known[1] and known[1] ~= ARGV[1] then return { 'conflict' } end
if known[3] then return { 'done', known[3] } end
if known[2] and known[2] ~= ARGV[2] then return { 'running' } end
redis.call('HSET', KEYS[1], 'h', ARGV[1], 'o', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { 'claimed' }
`)
