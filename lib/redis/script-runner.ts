import { createHash } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { RedisUnavailable, type Commands, type Script } from './commands.ts'

/** What Redis answers when it is there, but cannot serve. */
const unable = /^(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|BUSY)/

/** Runs scripts by their hash; Redis is told a script only when it does not know it. */
export class ScriptRunner implements Commands {
  readonly #redis: Redis | Cluster
  readonly #hashes = new Map<Script, string>()

  constructor (redis: Redis | Cluster) {
    this.#redis = redis
  }

  async run (script: Script, keys: readonly string[], args: ReadonlyArray<string | number | Buffer>): Promise<unknown> {
    try {
      return await this.#run(script, keys, args)
    } catch (error) {
      throw isRedis(error) && !unable.test(error.message) ? error : new RedisUnavailable(`'${script.name}' did not run`, { cause: error })
    }
  }

  async #run (script: Script, keys: readonly string[], args: ReadonlyArray<string | number | Buffer>): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args]
    try {
      return await this.#call(script, 'evalsha', this.#hash(script), rest)
    } catch (error) {
      if (!isRedis(error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await this.#call(script, 'eval', script.lua, rest)
    }
  }

  // Not `callBuffer`: gathered into a pipeline, it loses the name of the command.
  #call ({ binary }: Script, command: 'evalsha' | 'eval', which: string, rest: ReadonlyArray<string | number | Buffer>): Promise<unknown> {
    const redis = this.#redis as unknown as Record<string, (...args: ReadonlyArray<string | number | Buffer>) => Promise<unknown>>
    return (redis[binary ? `${command}Buffer` : command] as typeof redis[string]).call(redis, which, ...rest)
  }

  #hash (script: Script): string {
    const hash = this.#hashes.get(script) ?? createHash('sha1').update(script.lua).digest('hex')
    this.#hashes.set(script, hash)
    return hash
  }
}

function isRedis (error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}
