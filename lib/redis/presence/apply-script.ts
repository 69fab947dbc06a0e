import { script } from '../commands.ts'
import { presenceStateLua } from './presence-state-lua.ts'

export const applyScript = script('apply', String.raw`
-- A node's changes of one channel's presence. KEYS: see presence-state.lua
-- ARGV: incarnation, until when (ms) what was written under its lease counts, epoch for a presence that begins, then for each change:
--       '+', version, connection, user, data  |  '-', version, connection, grace (ms), ''  |  '!', '', '', '', ''  (fire the graces that are due)
-- Returns 'done'; 'dead' when the incarnation is swept; 'stale' when it came too late.
if redis.call('EXISTS', KEYS[7]) == 1 then return 'dead' end
if now > tonumber(ARGV[2]) then return 'stale' end
local incarnation = ARGV[1]

for i = 4, #ARGV, 5 do
  local kind, version, connection = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if kind == '!' then
    fire_graces()
  else
    local known = redis.call('HGET', KEYS[6], connection)
    local before, user = string.match(known or '0 ', '^(%d+) (.*)$')
    -- Timeouts reorder: only what is newer counts.
    if tonumber(before) < tonumber(version) then
      if kind == '+' then
        redis.call('HSET', KEYS[6], connection, version .. ' ' .. ARGV[i + 3])
        if user == '' then
          count_entry(incarnation, 1)
          enter(ARGV[i + 3], ARGV[i + 4])
        end
      else
        if user ~= '' then
          redis.call('HDEL', KEYS[6], connection)
          count_entry(incarnation, -1)
          exit(user, tonumber(ARGV[i + 3]))
        else
          -- It overtook its join, which must find that it is late.
          redis.call('HSET', KEYS[6], connection, version .. ' ')
        end
      end
    end
  end
end
finish(ARGV[3])
return 'done'
`, { include: presenceStateLua })
