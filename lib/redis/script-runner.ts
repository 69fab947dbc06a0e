import { createHash } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { systemClock, type Clock } from '../clock.ts'
import { AdapterUnavailable } from '../cluster/adapter.ts'

/** A Lua script. The head of its text says what its KEYS and ARGV are, and what it returns. */
export interface Script {
  readonly name: string
  readonly lua: string
  /** Replies hold Buffers instead of strings. */
  readonly binary: boolean
}

interface ScriptOptions {
  /** Replies hold Buffers instead of strings. */
  readonly binary?: boolean
  /** Lua functions that the script uses. */
  readonly include?: string
  /**
   * The commands that its user must have the right to, else the script ends before it writes anything: Redis undoes no
   * write of a script that fails. A check takes Redis 2 microseconds. The right to publish is that on the last of KEYS.
   */
  readonly needs?: 'each command' | readonly string[]
}

export function defineScript (name: string, lua: string, options: ScriptOptions = {}): Script {
  const { binary = false, include = '', needs = [] } = options
  const text = include + lua
  const commands = needs === 'each command' ? commandsOf(text) : needs
  return { name, binary, lua: commands.length === 0 ? text : requireRights(commands) + text }
}

/** Without TIME, which concerns no key and comes before the writes. */
function commandsOf (lua: string): string[] {
  return [...new Set([...lua.matchAll(/redis\.call\('(?!TIME)(\w+)'/g)].map(([, command]) => command as string))]
}

function requireRights (commands: readonly string[]): string {
  return `if redis.acl_check_cmd then
  for _, command in ipairs({ '${commands.join("', '")}' }) do
    local name = KEYS[command == 'SPUBLISH' and #KEYS or 1]
    if not redis.acl_check_cmd(command, name) then
      return redis.error_reply('NOPERM this user may not run ' .. command .. ' on ' .. name)
    end
  end
end
`
}

/** Before ioredis has read the slots of a Cluster it delays commands, for ever if the Cluster has no slots. */
function hasNoSlots (redis: Redis | Cluster): boolean {
  return 'slots' in redis && redis.slots.length === 0
}

export type ScriptArgument = string | number | Buffer

/** Redis cannot be reached, or did not answer in time. It is unknown whether the command had its effect. */
export class RedisUnavailable extends AdapterUnavailable {}

/** Error replies of a Redis that is reachable but cannot serve the command now. */
const unavailableReply = new RegExp('^(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|BUSY|OOM|' +
  'MOVED|ASK|NOAUTH|ERR Protocol error: unauthenticated)')

/** A slot of a Cluster moves. Its keys are at two masters, so a script that needs several of them runs at neither. */
const movingSlot = /^(TRYAGAIN|ASK) /

/** Milliseconds before each repetition of a script whose slot moves. Most slots have moved after some milliseconds. */
const movingSlotWaitsMs = [10, 25, 50, 100, 200, 400, 800]

/** Error replies for a command that the ACL of Redis forbids: its own, and that of a script in Redis 7.0. */
const missingRight = /^(NOPERM|ERR The user executing the script can't)/

/** Runs scripts by the hash of their text; sends the text only if Redis does not know the script. */
export class ScriptRunner {
  readonly #redis: Redis | Cluster
  readonly #hashes = new Map<Script, string>()
  readonly #refused: (cause: unknown) => void
  readonly #clock: Clock

  /** `refused`: called when Redis was not reached, cannot serve a script now, or its user lacks a right. */
  constructor (redis: Redis | Cluster, refused: (cause: unknown) => void = () => {}, clock: Clock = systemClock) {
    this.#redis = redis
    this.#refused = refused
    this.#clock = clock
  }

  /**
   * Runs a script, one atomic step; its keys must share one slot. The calls of one event-loop turn leave in one
   * pipeline per master, in their order.
   *
   * @throws {RedisUnavailable} at once when there is no connection, or when the user lacks a right
   * @throws {Error} Redis's own error (`name: 'ReplyError'`) when the script failed
   */
  async run (script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    try {
      return await this.#runOrRepeat(script, [keys.length, ...keys, ...args])
    } catch (cause) {
      if (isReply(cause) && !missingRight.test(cause.message) && !unavailableReply.test(cause.message)) throw cause
      this.#refused(cause)
      throw new RedisUnavailable(`Redis did not run the script '${script.name}'`, { cause })
    }
  }

  /** Repeats a script whose slot moves: for 1.6 s, after which the sender hears that it is unavailable. */
  async #runOrRepeat (script: Script, rest: readonly ScriptArgument[]): Promise<unknown> {
    for (const waitMs of this.#redis.isCluster ? movingSlotWaitsMs : []) {
      try {
        return await this.#run(script, rest)
      } catch (error) {
        if (!isReply(error) || !movingSlot.test(error.message)) throw error
      }
      await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, waitMs))
    }
    return await this.#run(script, rest)
  }

  async #run (script: Script, rest: readonly ScriptArgument[]): Promise<unknown> {
    try {
      return await this.#call(script, 'evalsha', this.#hash(script), rest)
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await this.#call(script, 'eval', script.lua, rest)
    }
  }

  // Not `callBuffer`, because in an automatic pipeline it loses the name of the command.
  #call (script: Script, command: 'evalsha' | 'eval', text: string, rest: readonly ScriptArgument[]): Promise<unknown> {
    if (hasNoSlots(this.#redis)) return Promise.reject(new Error('no master of the Redis Cluster is known'))
    const redis = this.#redis as unknown as Record<string, (...args: readonly ScriptArgument[]) => Promise<unknown>>
    return (redis[script.binary ? `${command}Buffer` : command] as typeof redis[string]).call(redis, text, ...rest)
  }

  #hash (script: Script): string {
    const hash = this.#hashes.get(script) ?? createHash('sha1').update(script.lua).digest('hex')
    this.#hashes.set(script, hash)
    return hash
  }
}

export function isMissingRight (error: unknown): boolean {
  return isReply(error) && missingRight.test(error.message)
}

function isReply (error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}
