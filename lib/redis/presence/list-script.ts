import { script } from '../commands.ts'

export const listScript = script('list', String.raw`
-- A page of who is present. KEYS: meta, data. ARGV: cursor, how many
-- Returns { epoch, sequence, next cursor, user, data, ... }
local m = redis.call('HMGET', KEYS[1], 'e', 's')
local page = redis.call('HSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2])
local reply = { m[1] or '', m[2] or '0', page[1] }
for _, part in ipairs(page[2]) do reply[#reply + 1] = part end
return reply
`)
