import { defineScript } from '../script-runner.ts'
import { presenceStateLua } from './presence-state-lua.ts'

export const applyScript = defineScript('apply', String.raw`
-- Applies one node's changes to a presence list, and ends due grace periods. KEYS: see presence-state-lua.ts
-- ARGV: incarnation, until when (ms) its writes are accepted, epoch for a list that begins, time to live (ms), then for
--       each change: '+', version, connection, user, data  |  '-', version, connection, grace (ms), ''
-- Returns { 'done', ms until the next grace period ends or '' }, { 'dead' } when the incarnation is swept, or
-- { 'stale' } when the changes came too late.
if redis.call('EXISTS', tombstone) == 1 then return { 'dead' } end
if now > tonumber(ARGV[2]) then return { 'stale' } end
local incarnation = ARGV[1]

local function apply_enter(connection, version, present, user, user_data)
  redis.call('HSET', entries, connection, version .. ' ' .. user)
  if present then return end
  count_entry(incarnation, 1)
  enter(user, user_data)
end

local function apply_exit(connection, version, user, grace)
  if user == '' then
    -- It overtook the connection's entry, which then finds a newer version.
    redis.call('HSET', entries, connection, version .. ' ')
  else
    redis.call('HDEL', entries, connection)
    count_entry(incarnation, -1)
    exit(user, grace)
  end
end

for i = 5, #ARGV, 5 do
  local kind, version, connection = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local known = redis.call('HGET', entries, connection) or '0 '
  local known_version, user = string.match(known, '^(%d+) (.*)$')
  -- Timeouts reorder the changes, so only a newer version counts.
  if tonumber(known_version) < tonumber(version) then
    if kind == '+' then apply_enter(connection, version, user ~= '', ARGV[i + 3], ARGV[i + 4])
    else apply_exit(connection, version, user, tonumber(ARGV[i + 3])) end
  end
end
return { 'done', finish(ARGV[3], tonumber(ARGV[4])) }
`, { include: presenceStateLua, needs: 'each command' })
