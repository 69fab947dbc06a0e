import type { Cluster, Redis } from 'ioredis'
import type { Logger } from '../../logger.ts'
import { RedisAway } from './commands.ts'
import { version, type Kind, type Publisher } from './wire.ts'

/** Bytes that may be on their way to Redis, so that one that is slow costs no memory without end. */
const limit = 8 * 1_048_576

interface Batch { readonly bodies: Buffer[], readonly outcome: Promise<void>, settle (outcome: Promise<unknown>): void }

/**
 * The messages on their way to Redis. Frames of one turn for one channel travel as one message, all of a turn in one pipeline for each
 * master: the client library makes that of what is written in one turn.
 */
export class Outgoing implements Publisher {
  readonly #redis: Redis | Cluster
  readonly #node: string
  readonly #log: Logger
  #frames = new Map<string, Batch>()
  #bytes = 0
  #isDropping = false
  published = 0
  dropped = 0

  constructor (redis: Redis | Cluster, node: string, log: Logger) {
    this.#redis = redis
    this.#node = node
    this.#log = log
  }

  /** Frames for one name wait for the end of the turn, and for each other. */
  publish (name: string, kind: Kind, body: Buffer): Promise<void> {
    if (this.#bytes + body.length > limit) return this.#drop(new RedisAway('too much is on its way to Redis already'))
    this.published++
    return kind === 'f' ? this.#gather(name, body) : this.#write(name, [Buffer.from(version + kind), body])
  }

  #gather (name: string, body: Buffer): Promise<void> {
    if (this.#frames.size === 0) setImmediate(() => this.#flush())
    const batch = this.#frames.get(name) ?? newBatch()
    this.#frames.set(name, batch)
    this.#bytes += body.length
    batch.bodies.push(body)
    return batch.outcome
  }

  #flush (): void {
    const frames = this.#frames
    this.#frames = new Map()
    for (const [name, { bodies, settle }] of frames) {
      this.#bytes -= sizeOf(bodies)
      settle(this.#write(name, [Buffer.from(`${version}f${this.#node}`, 'latin1'), ...bodies]))
    }
  }

  async #write (name: string, parts: readonly Buffer[]): Promise<void> {
    const message = Buffer.concat(parts)
    this.#bytes += message.length
    const fault = await this.#redis.spublish(name, message).then(() => undefined, (cause: unknown) => new RedisAway('a message did not reach Redis', { cause }))
    this.#bytes -= message.length
    if (fault) return this.#drop(fault)
    this.#recover()
  }

  #drop (error: RedisAway): Promise<never> {
    this.dropped++
    if (!this.#isDropping) this.#log.warn({ err: error }, 'messages to other nodes are dropped')
    this.#isDropping = true
    return Promise.reject(error)
  }

  #recover (): void {
    if (this.#isDropping) this.#log.warn({ dropped: this.dropped }, 'messages reach other nodes again')
    this.#isDropping = false
  }
}

function newBatch (): Batch {
  let settle!: Batch['settle']
  const outcome = new Promise<void>((resolve, reject) => { settle = (written) => { written.then(() => resolve(), reject) } })
  return { bodies: [], outcome, settle }
}

const sizeOf = (buffers: readonly Buffer[]) => buffers.reduce((sum, { length }) => sum + length, 0)
