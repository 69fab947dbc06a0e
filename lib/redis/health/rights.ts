import type { Keys } from '../keys.ts'
import { defineScript, isMissingRight, RedisUnavailable, type ScriptRunner } from '../script-runner.ts'
import type { Issue } from './issues.ts'

/** The commands of the scripts that concern a key. */
const keyCommands = [
  'DEL', 'EVAL', 'EVALSHA', 'EXISTS', 'GET', 'HDEL', 'HEXISTS', 'HGET', 'HGETALL', 'HINCRBY', 'HKEYS', 'HLEN',
  'HMGET', 'HSCAN', 'HSET', 'HSETNX', 'PEXPIRE', 'PEXPIREAT', 'PTTL', 'SET', 'TIME', 'XADD', 'XDEL', 'XLEN', 'XRANGE',
  'XREVRANGE', 'XSETID', 'XTRIM', 'ZADD', 'ZRANGE', 'ZRANGEBYSCORE', 'ZREM', 'ZREMRANGEBYSCORE', 'ZSCORE'
]
/** The commands, of scripts and connections, that concern a pub/sub channel. */
const channelCommands = ['SPUBLISH', 'SSUBSCRIBE', 'SUNSUBSCRIBE']

const rightsScript = defineScript('rights', String.raw`
-- Runs nothing, so it needs no key of its own. ARGV: pairs of a command and the key or channel that it concerns
-- Returns the pairs that the user may not run, each as one text.
local function may (command, name)
  if string.sub(command, 1, 4) == 'EVAL' then return redis.acl_check_cmd(command, '', '1', name) end
  return redis.acl_check_cmd(command, name)
end
local missing = {}
for i = 1, #ARGV, 2 do
  if not may(ARGV[i], ARGV[i + 1]) then missing[#missing + 1] = ARGV[i] .. ' ' .. ARGV[i + 1] end
end
return missing
`)

/**
 * The rights that the Redis user of this adapter lacks; undefined when it has all of them,
 * or when Redis cannot tell.
 *
 * @throws {RedisUnavailable}
 */
export async function findRightsIssue (
  masters: ReadonlyArray<Pick<ScriptRunner, 'run'>>, keys: Keys
): Promise<Issue | undefined> {
  const names = [keys.ofChannel('x', 'history'), keys.ofUser('x', 'connections'), keys.shared('live')]
  const channels = [keys.pubsubOf('x'), keys.shared('nodes-pubsub')]
  const needed = [...pairs(keyCommands, names), ...pairs(channelCommands, channels)].flat()
  const found = await Promise.all(masters.map((scripts) => findMissing(scripts, needed)))
  return found.find((issue) => issue)
}

async function findMissing (scripts: Pick<ScriptRunner, 'run'>, needed: readonly string[]): Promise<Issue | undefined> {
  try {
    const missing = await scripts.run(rightsScript, [], needed) as string[]
    return missing.length === 0 ? undefined : issueOf(missing.map((pair) => pair.split(' ', 2) as [string, string]))
  } catch (error) {
    const { cause } = error as Error
    if (isMissingRight(cause)) return lacking((cause as Error).message)
    if (error instanceof RedisUnavailable) throw error
    // A server without this function of Redis 7.
    return undefined
  }
}

function pairs (commands: readonly string[], names: readonly string[]): Array<readonly [string, string]> {
  return names.flatMap((name) => commands.map((command) => [command, name] as const))
}

function issueOf (missing: ReadonlyArray<readonly [command: string, name: string]>): Issue {
  const commands = new Set(missing.map(([command]) => command))
  const names = [...new Set(missing.map(([, name]) => name))].join(', ')
  // TIME concerns no key.
  const isEach = keyCommands.every((command) => commands.has(command) || command === 'TIME')
  return lacking(isEach ? `it may not use ${names}` : `it may not run ${[...commands].join(', ')} on ${names}`)
}

function lacking (what: string): Issue {
  return { kind: 'rights', text: `the Redis user lacks rights: ${what}: grant them, see the documentation on scaling` }
}
