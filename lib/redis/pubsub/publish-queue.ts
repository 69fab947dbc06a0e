import type { Logger } from '../../logger.ts'
import type { Connections } from '../connections.ts'
import { RedisUnavailable } from '../script-runner.ts'
import { headerOf, type Kind, type Publisher } from './message-kinds.ts'

/** Unconfirmed bytes on their way to Redis: a bound on the memory that a slow Redis costs. */
const maxQueueBytes = 8 * 1_048_576

/** One message of one kind; several ephemeral messages of a channel share it. */
class QueuedMessage {
  readonly name: string
  /** Not counted and not logged, because nothing is lost with a probe. */
  readonly isProbe: boolean
  readonly outcome: Promise<void>
  readonly #parts: Buffer[]
  #bytes = 0
  readonly #settle: (error?: RedisUnavailable) => void

  constructor (name: string, header: string, isProbe: boolean) {
    this.name = name
    this.isProbe = isProbe
    this.#parts = [Buffer.from(header, 'latin1')]
    let settle: unknown
    this.outcome = new Promise((resolve, reject) => {
      settle = (error?: RedisUnavailable) => error ? reject(error) : resolve()
    })
    this.#settle = settle as (error?: RedisUnavailable) => void
  }

  /** Without the header. */
  get bytes (): number {
    return this.#bytes
  }

  add (body: Buffer): void {
    this.#parts.push(body)
    this.#bytes += body.length
  }

  encode (): Buffer {
    return Buffer.concat(this.#parts)
  }

  settle (error?: RedisUnavailable): void {
    this.#settle(error)
  }
}

type PublishConnections = Pick<Connections, 'routeOf' | 'serverOf'>

/**
 * The messages on their way to Redis. Ephemeral messages of one event-loop turn and channel travel as one message, and
 * all messages of a turn in one pipeline per master. The client library's automatic pipelines would leave a turn later,
 * and wait for the replies to those before: 0.3 ms on an idle machine.
 */
export class PublishQueue implements Publisher {
  readonly #connections: PublishConnections
  readonly #nodeId: string
  readonly #log: Logger
  readonly #refused: (cause: unknown) => void
  #messages: QueuedMessage[] = []
  /** By channel: queued messages that more ephemeral messages can join. */
  readonly #batches = new Map<string, QueuedMessage>()
  #bytes = 0
  #isDropping = false
  published = 0
  dropped = 0

  /** `refused`: called when Redis was not reached, cannot take a message now, or its user lacks a right. */
  constructor (
    connections: PublishConnections, nodeId: string, log: Logger, refused: (cause: unknown) => void = () => {}
  ) {
    this.#connections = connections
    this.#nodeId = nodeId
    this.#log = log
    this.#refused = refused
  }

  /** The message leaves at the end of the event-loop turn. */
  publish (name: string, kind: Kind, body: Buffer): Promise<void> {
    const isProbe = kind === 'o'
    if (this.#bytes + body.length > maxQueueBytes) {
      return Promise.reject(this.#overflow(isProbe))
    }
    if (!isProbe) this.published++
    this.#bytes += body.length
    const message = kind === 'm' ? this.#batchFor(name) : this.#enqueue(name, headerOf(kind), isProbe)
    message.add(body)
    return message.outcome
  }

  #batchFor (name: string): QueuedMessage {
    const batch = this.#batches.get(name) ?? this.#enqueue(name, headerOf('m') + this.#nodeId, false)
    this.#batches.set(name, batch)
    return batch
  }

  #enqueue (name: string, header: string, isProbe: boolean): QueuedMessage {
    if (this.#messages.length === 0) setImmediate(() => this.#flush())
    const message = new QueuedMessage(name, header, isProbe)
    this.#messages.push(message)
    return message
  }

  #flush (): void {
    const routes = new Map<string | undefined, QueuedMessage[]>()
    for (const message of this.#messages) {
      const route = this.#connections.routeOf(message.name)
      const messages = routes.get(route) ?? []
      messages.push(message)
      routes.set(route, messages)
    }
    this.#messages = []
    this.#batches.clear()
    for (const messages of routes.values()) this.#write(messages)
  }

  async #write (messages: readonly QueuedMessage[]): Promise<void> {
    const results = await this.#send(messages).catch((cause: unknown) => messages.map(() => [cause]))
    for (const [i, message] of messages.entries()) this.#settle(message, results[i]?.[0])
  }

  async #send (messages: readonly QueuedMessage[]): Promise<unknown[][]> {
    const server = this.#connections.serverOf((messages[0] as QueuedMessage).name)
    if (!server) throw new Error('no master of the Redis Cluster is known')
    const pipeline = server.pipeline()
    for (const message of messages) pipeline.spublish(message.name, message.encode())
    return await pipeline.exec() as unknown[][]
  }

  #settle (message: QueuedMessage, cause: unknown): void {
    this.#bytes -= message.bytes
    if (cause) {
      if (!message.isProbe) this.dropped++
      this.#refused(cause)
      return message.settle(new RedisUnavailable('a message did not reach Redis', { cause }))
    }
    this.#noteSuccess()
    message.settle()
  }

  #overflow (isProbe: boolean): RedisUnavailable {
    if (!isProbe) this.dropped++
    if (!this.#isDropping) {
      this.#log.warn({}, `messages to other nodes are dropped, because over ${maxQueueBytes} bytes wait for Redis: ` +
        'check its load and the network')
    }
    this.#isDropping = true
    return new RedisUnavailable('too many messages wait for Redis')
  }

  #noteSuccess (): void {
    if (this.#isDropping) this.#log.info({ dropped: this.dropped }, 'messages reach other nodes again')
    this.#isDropping = false
  }
}
