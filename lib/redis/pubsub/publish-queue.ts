import type { Logger } from '../../logger.ts'
import { RedisUnavailable } from '../commands.ts'
import type { Connections } from '../connections.ts'
import { version, type Kind, type Publisher } from './message-kinds.ts'

/** Bytes that may be on their way to Redis, so that one that is slow costs no memory without end. */
const limit = 8 * 1_048_576

interface Message {
  readonly name: string
  /** Nobody loses anything with it: it is not counted, nor told of. */
  readonly isProbe: boolean
  readonly parts: Buffer[]
  readonly outcome: Promise<void>
  resolve (): void
  reject (error: RedisUnavailable): void
}

/**
 * The messages on their way to Redis. Frames of one turn for one channel travel as one message, all of a turn in one pipeline for each master. The client
 * library's own way of gathering commands would send them a turn later, and wait for the answer to those before: 0.3 ms on an idle machine.
 */
export class PublishQueue implements Publisher {
  readonly #connections: Pick<Connections, 'command' | 'routeOf'>
  readonly #node: string
  readonly #log: Logger
  #messages: Message[] = []
  /** Those of them that take more frames. */
  readonly #frames = new Map<string, Message>()
  #bytes = 0
  #isDropping = false
  published = 0
  dropped = 0

  constructor (connections: Pick<Connections, 'command' | 'routeOf'>, node: string, log: Logger) {
    this.#connections = connections
    this.#node = node
    this.#log = log
  }

  /** It leaves at the end of the turn. */
  publish (name: string, kind: Kind, body: Buffer): Promise<void> {
    const isProbe = kind === 'o'
    if (this.#bytes + body.length > limit) return Promise.reject(this.#drop(isProbe, 'too much is on its way to Redis already'))
    if (!isProbe) this.published++
    this.#bytes += body.length
    const message = kind === 'f' ? this.#framesFor(name) : this.#add(name, kind, isProbe)
    message.parts.push(body)
    return message.outcome
  }

  #framesFor (name: string): Message {
    const message = this.#frames.get(name) ?? this.#add(name, `f${this.#node}`)
    this.#frames.set(name, message)
    return message
  }

  #add (name: string, head: string, isProbe = false): Message {
    if (this.#messages.length === 0) setImmediate(() => this.#flush())
    const message = newMessage(name, isProbe, Buffer.from(version + head, 'latin1'))
    this.#messages.push(message)
    return message
  }

  #flush (): void {
    const routes = new Map<string | undefined, Message[]>()
    for (const message of this.#messages) {
      const route = this.#connections.routeOf(message.name)
      const messages = routes.get(route) ?? []
      messages.push(message)
      routes.set(route, messages)
    }
    this.#messages = []
    this.#frames.clear()
    for (const messages of routes.values()) this.#write(messages)
  }

  async #write (messages: readonly Message[]): Promise<void> {
    const pipeline = this.#connections.command.pipeline()
    for (const { name, parts } of messages) pipeline.spublish(name, Buffer.concat(parts))
    const results = await pipeline.exec().catch((cause: unknown) => messages.map(() => [cause])) as Array<[unknown]>
    for (const [i, message] of messages.entries()) this.#settle(message, results[i]?.[0])
  }

  #settle ({ parts: [, ...bodies], isProbe, resolve, reject }: Message, cause: unknown): void {
    this.#bytes -= bodies.reduce((sum, { length }) => sum + length, 0)
    if (cause) return reject(this.#drop(isProbe, 'a message did not reach Redis', cause))
    this.#recover()
    resolve()
  }

  #drop (isProbe: boolean, text: string, cause?: unknown): RedisUnavailable {
    const error = new RedisUnavailable(text, { cause })
    if (isProbe) return error
    this.dropped++
    if (!this.#isDropping) this.#log.warn({ err: error }, 'messages to other nodes are dropped')
    this.#isDropping = true
    return error
  }

  #recover (): void {
    if (this.#isDropping) this.#log.warn({ dropped: this.dropped }, 'messages reach other nodes again')
    this.#isDropping = false
  }
}

function newMessage (name: string, isProbe: boolean, head: Buffer): Message {
  let settle!: Pick<Message, 'resolve' | 'reject'>
  const outcome = new Promise<void>((resolve, reject) => { settle = { resolve, reject } })
  return { name, isProbe, parts: [head], outcome, ...settle }
}
