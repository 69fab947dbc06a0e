import { script } from '../commands.ts'
import { presenceStateLua } from './presence-state-lua.ts'

export const sweepScript = script('sweep', String.raw`
-- Removes what a dead incarnation left in one channel. KEYS: see presence-state.lua
-- ARGV: incarnation, cursor, how many at a time, epoch for a presence that begins
-- Returns { next cursor, how many are left }. The tombstone comes first: what that node still sends is refused.
redis.call('SET', KEYS[7], '1', 'PX', lasts)
local page = redis.call('HSCAN', KEYS[6], ARGV[2], 'COUNT', ARGV[3])
for i = 1, #page[2], 2 do
  local user = string.match(page[2][i + 1], '^%d+ (.*)$')
  redis.call('HDEL', KEYS[6], page[2][i])
  if user ~= '' then
    count_entry(ARGV[1], -1)
    exit(user, 0)
  end
end
local rest = redis.call('HLEN', KEYS[6])
if rest == 0 then redis.call('HDEL', KEYS[5], ARGV[1]) end
finish(ARGV[4])
return { page[1], tostring(rest) }
`, { include: presenceStateLua })
