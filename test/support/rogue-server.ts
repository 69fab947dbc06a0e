import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Test } from 'tap'
import { WebSocketServer, type WebSocket } from 'ws'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { closeSchema } from '../../lib/contract/schema/close-schema.ts'
import type { Envelope } from '../../lib/protocol/envelope.ts'

/** The contract that the rogue server should keep. */
export const board = defineChannel({
  pattern: 'board/:id',
  params: Type.Object({ id: Type.String({ pattern: '^[a-z]{1,8}$' }) }),
  fromClient: {
    post: {
      payload: Type.Object({
        text: Type.String({ minLength: 1, maxLength: 20 }),
        level: Type.Optional(Type.Integer({ minimum: 0, maximum: 3 }))
      }),
      reply: Type.Object({ id: Type.String() }),
      errors: { muted: Type.Object({ until: Type.Integer() }) },
      idempotent: true
    },
    poke: { rateLimit: { max: 4, timeWindow: 60_000 } }
  },
  fromServer: {
    posted: { payload: Type.Object({ id: Type.String(), text: Type.String() }) },
    poked: {}
  },
  presence: Type.Object({ name: Type.String() })
})

const postSchema = closeSchema(board.definition.fromClient.post.payload, 'post')

/** What the server does wrong: it takes part of its answer from here. */
export interface Defect {
  /** Changes the answers to a message: `undefined` leaves one out. */
  readonly answers?: (answers: Answers, request: Envelope) => Answers
  readonly takesAnyToken?: boolean
  readonly takesAnyPayload?: boolean
  readonly takesAnyAddress?: boolean
  readonly takesAnyUser?: boolean
  readonly needsNoJoin?: boolean
  readonly hasNoRates?: boolean
  readonly forgetsIds?: boolean
  readonly ignoresLeaves?: boolean
  readonly sendsToAll?: boolean
}

/** What follows from one message. */
export interface Answers {
  readonly reply?: Partial<Envelope> | undefined
  readonly secondReply?: Partial<Envelope>
  readonly broadcasts: ReadonlyArray<Partial<Envelope>>
}

interface Client {
  readonly webSocket: WebSocket
  readonly user: string
  channel: string | undefined
}

const error = (code: string, details?: unknown, retryAfter?: number): Answers =>
  ({ reply: { type: 'error', payload: { code, message: code, details, retryAfter } }, broadcasts: [] })

/** A server of the protocol in a few lines, without the library, so that it can break any rule of its contract. */
export class RogueServer {
  readonly #defect: Defect
  readonly #server: WebSocketServer
  readonly #clients = new Set<Client>()
  readonly #handled = new Map<string, { readonly content: string, readonly answers: Answers }>()
  readonly #pokes = new Map<string, number[]>()
  #now = 0

  private constructor (defect: Defect) {
    this.#defect = defect
    this.#server = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      verifyClient: ({ req }, done) => done(defect.takesAnyToken ?? this.#userOf(req.headers.authorization) !== '', 401)
    })
    this.#server.on('connection', (webSocket, { headers }) =>
      this.#connected(webSocket, this.#userOf(headers.authorization)))
  }

  static async start (t: Test, defect: Defect = {}): Promise<RogueServer> {
    const server = new RogueServer(defect)
    await once(server.#server, 'listening')
    t.teardown(() => {
      for (const { webSocket } of server.#clients) webSocket.terminate()
      server.#server.close()
    })
    return server
  }

  get url (): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Moves the time of its rate limits. */
  async pass (ms: number): Promise<void> {
    this.#now += ms
  }

  #userOf (authorization = ''): string {
    return /^Bearer (user-\w+)$/.exec(authorization)?.[1] ?? ''
  }

  #connected (webSocket: WebSocket, user: string): void {
    const client: Client = { webSocket, user, channel: undefined }
    this.#clients.add(client)
    webSocket.on('close', () => this.#clients.delete(client))
    webSocket.on('message', (data) => this.#received(client, JSON.parse(String(data)) as Envelope))
    const limits = { messageBytes: 65_536, channelLength: 256, depth: 64 }
    const welcome = { connectionId: 'c', limits, patterns: [board.pattern] }
    webSocket.send(JSON.stringify({ type: 'welcome', payload: welcome }))
  }

  #received (client: Client, request: Envelope): void {
    const { answers = (same) => same } = this.#defect
    const { reply, secondReply, broadcasts } = answers(this.#answersTo(client, request), request)
    const { channel, correlationId } = request
    for (const broadcast of broadcasts) {
      for (const member of this.#clients) {
        const gets = member.channel === channel || this.#defect.sendsToAll
        if (gets) member.webSocket.send(JSON.stringify({ channel, ...broadcast }))
      }
    }
    for (const one of [reply, secondReply]) {
      if (one) client.webSocket.send(JSON.stringify({ channel, correlationId, ...one }))
    }
  }

  #answersTo (client: Client, request: Envelope): Answers {
    const { type, channel = '' } = request
    const ack: Answers = { reply: { type: 'ack' }, broadcasts: [] }
    if (type === 'ping') return ack
    if (!this.#defect.takesAnyAddress && !/^board\/[a-z]{1,8}$/.test(channel)) return error('unknown_channel')
    if (type === 'join') return this.#join(client, channel)
    if (type === 'leave') {
      if (!this.#defect.ignoresLeaves) client.channel = undefined
      return ack
    }
    if (client.channel !== channel && !this.#defect.needsNoJoin) return error('not_joined')
    if (type === 'post') return this.#post(client, request)
    return type === 'poke' ? this.#poke(client, request) : error('unknown_type')
  }

  #join (client: Client, channel: string): Answers {
    const isForbidden = client.user === 'user-banned' || channel === 'board/closed'
    if (isForbidden && !this.#defect.takesAnyUser) return error('forbidden')
    client.channel = channel
    const payload = { presence: [{ user: client.user, data: { name: 'x' } }], idempotent: ['post'] }
    return { reply: { type: 'ack', payload }, broadcasts: [] }
  }

  #post ({ user }: Client, { payload, correlationId: id = '' }: Envelope): Answers {
    if (!this.#defect.takesAnyPayload && !Value.Check(postSchema, payload)) return error('invalid_payload')
    const { text } = Object(payload) as { text?: unknown }
    if (text === 'muted') return error('muted', { until: 1 })
    const content = JSON.stringify(payload)
    const known = this.#defect.forgetsIds ? undefined : this.#handled.get(`${user} ${id}`)
    if (known && known.content !== content) return error('conflict')
    if (known) return { ...known.answers, broadcasts: [] }
    const posted = { type: 'posted', payload: { id, text: String(text) } }
    const answers = { reply: { type: 'ack', payload: { id } }, broadcasts: [posted] }
    this.#handled.set(`${user} ${id}`, { content, answers })
    return answers
  }

  #poke ({ user }: Client, { payload }: Envelope): Answers {
    if (!this.#defect.takesAnyPayload && payload !== undefined) return error('invalid_payload')
    const { max, timeWindow } = board.definition.fromClient.poke.rateLimit
    const recent = (this.#pokes.get(user) ?? []).filter((at) => at > this.#now - timeWindow)
    const [oldest = 0] = recent
    if (recent.length >= max && !this.#defect.hasNoRates) {
      return error('rate_limited', undefined, oldest + timeWindow - this.#now)
    }
    this.#pokes.set(user, [...recent, this.#now])
    return { reply: { type: 'ack' }, broadcasts: [{ type: 'poked' }] }
  }
}
