import { defineScript } from '../script-runner.ts'

export const quotaScript = defineScript('quota', String.raw`
-- States how many connections of a user one node holds. KEYS: connections (hash: incarnation -> "version count time")
-- ARGV: incarnation, version of this statement, count, limit for all nodes, time to live of a count (ms), the same for
--       a count of 0, newest incarnation that the node knows, then all live ones
-- Returns 1, or 0 and changes nothing when the limit is exceeded, or -1 when a newer statement of the node came first.
-- Counts of dead nodes are removed; an incarnation newer than the node's view may be live.
local live = {}
for i = 8, #ARGV do live[ARGV[i]] = true end
local incarnation, version, count, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local now = tonumber(redis.call('TIME')[1])
local all = count
local counts = redis.call('HGETALL', KEYS[1])
for i = 1, #counts, 2 do
  local other = counts[i]
  local known_version, known_count, time = string.match(counts[i + 1], '^(%d+) (%d+) (%d+)$')
  local is_live = live[other] or tonumber(other) > tonumber(ARGV[7])
  if other == incarnation then
    if tonumber(known_version) > version then return -1 end
  elseif is_live and (now - tonumber(time)) * 1000 <= ttl then
    all = all + tonumber(known_count)
  else
    redis.call('HDEL', KEYS[1], other)
  end
end
if all > tonumber(ARGV[4]) then return 0 end
-- A count of 0 stays for a while, because a late statement must find a newer version.
redis.call('HSET', KEYS[1], incarnation, ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. string.format('%d', now))
redis.call('PEXPIRE', KEYS[1], all > 0 and ARGV[5] or ARGV[6])
return 1
`, { needs: 'each command' })
