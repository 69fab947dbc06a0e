import { defineScript } from '../script-runner.ts'
import { presenceStateLua } from './presence-state-lua.ts'

export const sweepScript = defineScript('sweep', String.raw`
-- Removes entries of a dead incarnation from a presence list, and ends due grace periods.
-- KEYS: see presence-state-lua.ts. ARGV: incarnation, cursor, entries at a time, epoch for a list that begins,
--       time to live (ms)
-- Returns { next cursor, number of remaining entries, ms until the next grace period ends or '' }.
-- The tombstone comes first, so that late writes of the dead node are refused.
redis.call('SET', tombstone, '1', 'PX', ARGV[5])
local page = redis.call('HSCAN', entries, ARGV[2], 'COUNT', ARGV[3])
for i = 1, #page[2], 2 do
  local user = string.match(page[2][i + 1], '^%d+ (.*)$')
  redis.call('HDEL', entries, page[2][i])
  if user ~= '' then
    count_entry(ARGV[1], -1)
    exit(user, 0)
  end
end
local remaining = redis.call('HLEN', entries)
if remaining == 0 then redis.call('HDEL', incarnations, ARGV[1]) end
local next_grace = finish(ARGV[4], tonumber(ARGV[5]))
return { page[1], tostring(remaining), next_grace }
`, { include: presenceStateLua, needs: 'each command' })
