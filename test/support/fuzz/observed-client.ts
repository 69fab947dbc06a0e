import { TypeCompiler } from '@sinclair/typebox/compiler'
import { wireSchemas } from '../../../lib/contract/wire/wire-schemas.ts'
import type { Envelope } from '../../../lib/protocol/envelope.ts'
import type { Position } from '../../../lib/protocol/position.ts'
import { TestClient } from '../../../lib/testing/test-client.ts'
import { WireNames } from '../wire-schemas.ts'
import { Membership, type Entry } from './membership.ts'
import type { Ledger } from './ledger.ts'

/** The checks of the JSON Schemas that the package exports, by their names. */
const schemaChecks = new Map(Object.entries(wireSchemas.fromServer).map(([name, schema]) =>
  [`fromServer.${name}`, TypeCompiler.Compile(schema)]))

interface Request { readonly type: string, readonly channel: string | undefined, readonly payload: unknown }

/** The errors that a request may get in a cluster without faults. */
const errorsOf: Readonly<Record<string, readonly string[]>> = {
  join: ['forbidden', 'already_joined'],
  leave: ['not_joined'],
  history: ['not_joined'],
  say: ['not_joined'],
  write: ['not_joined'],
  point: ['not_joined'],
  fail: ['not_joined', 'internal']
}

/**
 * A client that checks everything it receives against the protocol: one reply for each request, messages only between
 * the ack of a join and the end of the membership, histories without a hole, a fork or a repetition.
 */
export class ObservedClient {
  readonly user: string
  readonly jti: string
  readonly node: number
  readonly memberships = new Map<string, Membership>()
  readonly #client: TestClient
  readonly #ledger: Ledger
  readonly #pending = new Map<string, Request>()
  readonly #answered = new Set<string>()
  readonly #names = new WireNames()
  #consumed = 0
  #isClosed = false

  private constructor (client: TestClient, identity: { user: string, jti: string, node: number }, ledger: Ledger) {
    this.user = identity.user
    this.jti = identity.jti
    this.node = identity.node
    this.#client = client
    this.#ledger = ledger
    client.closed.then(() => { this.#isClosed = true }, () => {})
  }

  static async open (
    url: string, token: string, identity: { user: string, jti: string, node: number }, ledger: Ledger
  ): Promise<ObservedClient> {
    const client = await TestClient.connect(url, [], { headers: { authorization: `Bearer ${token}` } })
    return new ObservedClient(client, identity, ledger)
  }

  get isOpen (): boolean {
    return !this.#isClosed && this.#client.webSocket.readyState === 1
  }

  /** Requests without a reply. */
  get pending (): string[] {
    return [...this.#pending].map(([id, { type, channel }]) => `${type} on ${channel} (${id})`)
  }

  /** Sends a request. */
  send (type: string, channel: string | undefined, payload: unknown, correlationId: string): void {
    if (!this.isOpen) return
    this.#answered.delete(correlationId)
    this.#pending.set(correlationId, { type, channel, payload })
    const message = { type, channel, payload, correlationId }
    this.#names.nameOf('fromClient', message)
    this.#client.send(message)
  }

  sendText (text: string): void {
    if (this.isOpen) this.#client.sendText(text)
  }

  drop (): Promise<unknown> {
    this.#client.terminate()
    return this.#client.closed
  }

  close (): Promise<unknown> {
    return this.#client.close()
  }

  /** Takes in what was received since the last call. @throws {Error} for whatever breaks a rule */
  consume (): void {
    for (; this.#consumed < this.#client.log.length; this.#consumed++) {
      const envelope = this.#client.log[this.#consumed] as Envelope
      try {
        this.#take(envelope)
      } catch (error) {
        throw new Error(`${this.user} on node ${this.node}: ${(error as Error).message}: ${JSON.stringify(envelope)}`)
      }
    }
  }

  #take (envelope: Envelope): void {
    const { type, channel, correlationId } = envelope
    const check = schemaChecks.get(this.#names.nameOf('fromServer', envelope))
    if (!check?.Check(envelope)) throw new Error('a message that breaks its JSON Schema')
    if (type === 'ack' || (type === 'error' && correlationId !== undefined)) return this.#takeReply(envelope)
    this.#ledger.count(type)
    if (type === 'error' || channel === undefined) return
    if (type === 'joined') return this.#enter(channel, envelope.payload as object, undefined, true)
    const membership = this.memberships.get(channel)
    if (!membership) throw new Error('a message outside a membership')
    if (type === 'left') this.memberships.delete(channel)
    else membership.take(envelope as Entry)
  }

  #takeReply ({ type, channel, payload, correlationId = '' }: Envelope): void {
    const request = this.#pending.get(correlationId)
    if (!request) throw new Error(this.#answered.has(correlationId) ? 'a second reply' : 'a reply without a request')
    this.#pending.delete(correlationId)
    this.#answered.add(correlationId)
    this.#ledger.count(type === 'ack' ? `ack of ${request.type}` : (payload as { code: string }).code)
    if (type === 'ack') this.#ledger.ephemeral.ack(correlationId)
    if (request.channel !== channel) throw new Error(`a reply on another channel than ${request.channel}`)
    if (type === 'error') return this.#takeError(request, payload as { code: string })
    if (request.type === 'join') this.#join(request, payload as object)
    if (request.type === 'history') this.memberships.get(channel as string)?.takePage(payload as { messages: Entry[] })
    if (request.type === 'leave') this.memberships.delete(channel as string)
    if (request.type === 'write') {
      const message = JSON.stringify([this.user, channel, correlationId])
      this.#ledger.acked(message, request.payload as { n: number }, payload as { run: number })
    }
    if (request.type === 'fail') throw new Error('an ack from a handler that fails')
  }

  #takeError ({ type, channel }: Request, { code }: { code: string }): void {
    const isMember = this.memberships.has(channel as string)
    if (type === 'fail' && isMember && code !== 'internal') throw new Error('a failing handler is not internal')
    if (type === 'leave' && isMember) throw new Error('a member cannot leave')
    const expected = errorsOf[type]
    if (expected && !expected.includes(code)) throw new Error(`an error that nothing explains: ${code}`)
  }

  #join (request: Request, ack: object): void {
    const channel = request.channel as string
    const { since } = (request.payload ?? {}) as { since?: Position }
    const known = this.memberships.get(channel)
    if (known && !known.isAdded) throw new Error('a second join')
    this.memberships.delete(channel)
    this.#enter(channel, ack, since, known !== undefined)
  }

  #enter (channel: string, state: object, since: Position | undefined, isAdded: boolean): void {
    if (this.memberships.has(channel)) throw new Error('a member is added')
    this.memberships.set(channel, new Membership(channel, this.user, this.#ledger, state, since, isAdded))
  }
}
