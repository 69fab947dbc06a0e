import { Value } from '@sinclair/typebox/value'
import type { FromClientDefinition, PresenceDefinition } from '../../contract/define-channel.ts'
import type { TypeBoxSchema } from '../../contract/schema/typebox-schema.ts'
import { wireSchemas } from '../../contract/wire/wire-schemas.ts'
import { controlWords } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Position } from '../../protocol/position.ts'
import { errorCodes, type ErrorPayload } from '../../protocol/errors.ts'
import type { Subject } from './subject.ts'
import { BrokenContract } from './broken-contract.ts'

/** The state of a channel, as a join and a resync give it. */
interface Content extends Partial<Position> {
  readonly messages?: readonly Envelope[]
  readonly snapshot?: { readonly state: unknown }
}

/** What a persistent message has of its entry. */
interface EntryHeader extends Position {
  readonly prev: string
}

const schemas = wireSchemas.fromServer
const isControl = (type: string) => (controlWords as readonly string[]).includes(type)

/**
 * Checks what the server sends on one connection against the contract and the schemas of the protocol. It reads the raw
 * messages with the checks of TypeBox, so it does not depend on what the server validates.
 */
export class WireCheck {
  readonly #subject: Subject
  /** The requests without a reply, by their correlation ids. */
  readonly #open = new Map<string, Envelope>()
  #last: Envelope | undefined
  #isMember = false
  /** Of the newest entry of the history, as far as this connection knows it. */
  #position: { readonly offset: number, readonly hash: string } | undefined

  constructor (subject: Subject) {
    this.#subject = subject
  }

  /** Notes a request that will be sent. */
  sent (request: Envelope): void {
    this.#last = request
    this.#open.set(request.correlationId as string, request)
  }

  /** @throws {BrokenContract} */
  check (envelope: Envelope): void {
    if (envelope.type === 'ack' || envelope.type === 'error') return this.#reply(envelope)
    if (envelope.channel !== this.#subject.channel) return this.#otherChannel(envelope)
    // Nothing of a channel comes before the ack of its join, except that the server itself joined the connection.
    if (!this.#isMember && envelope.channel !== undefined && envelope.type !== 'joined') {
      this.#fail('a message of a channel that was not joined', envelope, 'no message of the channel')
    }
    if (isControl(envelope.type)) return this.#control(envelope)
    this.#declared(envelope)
    this.#next(envelope as Envelope & Partial<EntryHeader>)
  }

  /** Each entry follows the one before it. */
  #next (entry: Envelope & Partial<EntryHeader>): void {
    const { offset, hash = '', prev } = entry
    const last = this.#position
    if (offset === undefined || last === undefined) return
    const isNext = offset === last.offset + 1 && prev === last.hash
    const expected = `the entry ${last.offset + 1} after the hash '${last.hash}'`
    if (!isNext) this.#fail('a hole in the history', entry, expected)
    this.#position = { offset, hash }
  }

  #reply (reply: Envelope): void {
    const request = this.#open.get(reply.correlationId as string)
    if (request === undefined) this.#fail('a reply without a request', reply, 'one reply to each request')
    this.#open.delete(reply.correlationId as string)
    if (reply.channel !== request.channel) this.#fail('a reply on another channel', reply, `'${request.channel}'`)
    if (reply.type === 'error') this.#error(reply, request)
    else this.#ack(reply, request)
  }

  #ack (ack: Envelope, { type }: Envelope): void {
    this.#valid('an invalid ack', type === 'join' ? schemas.joinAck : schemas.ack, ack, ack)
    if (type === 'join' || type === 'leave') this.#isMember = type === 'join'
    if (type === 'join') return this.#content(ack, { ...ack.payload as object })
    const declared = this.#subject.contract.definition.fromClient[type]
    this.#payload('an invalid reply', declared?.reply, ack.payload, ack)
  }

  #error (error: Envelope, { type }: Envelope): void {
    this.#valid('an invalid error', schemas.error, error, error)
    const { code, details, retryAfter } = error.payload as ErrorPayload
    if (code === 'rate_limited' && retryAfter === undefined) this.#fail('an error without a time', error, 'retryAfter')
    if ((errorCodes as readonly string[]).includes(code)) return
    const { errors = {} } = { ...this.#subject.contract.definition.fromClient[type] } as FromClientDefinition
    const declared = errors[code]
    const codes = ['a code of the protocol', ...Object.keys(errors)]
    if (!declared) this.#fail('an undeclared error', error, codes.join(' or '))
    this.#payload('invalid data of an error', declared, details, error)
  }

  /** A route may serve other contracts too, but this connection has joined none of their channels. */
  #otherChannel (envelope: Envelope): void {
    if (envelope.channel === undefined) return
    this.#fail('a message of a channel that was not joined', envelope, `messages of '${this.#subject.channel}'`)
  }

  #control (envelope: Envelope): void {
    const schema = schemas[envelope.type as keyof typeof schemas]
    if (schema === undefined) this.#fail('a message of a client from the server', envelope, 'messages of a server')
    this.#valid('an invalid control message', schema, envelope, envelope)
    if (envelope.type === 'joined' || envelope.type === 'left') this.#isMember = envelope.type === 'joined'
    this.#content(envelope, { ...envelope.payload as object })
  }

  /** The parts of a control message whose schemas the contract has. */
  #content (envelope: Envelope, content: Content): void {
    const { history, presence } = this.#subject.contract.definition
    const { messages = [], snapshot, offset, hash = '' } = content
    if (offset !== undefined) this.#position = { offset, hash }
    for (const message of messages) this.#declared(message)
    if (snapshot) this.#payload('an invalid snapshot', history?.snapshot, snapshot.state, envelope)
    const { data = presence as TypeBoxSchema } = Object(presence) as Partial<PresenceDefinition>
    for (const entry of entriesIn(content)) this.#payload('invalid presence', data, entry.data, envelope)
  }

  #declared (message: Envelope): void {
    const { fromServer, history, shared } = this.#subject.contract.definition
    const declared = fromServer[message.type]
    if (!declared && shared) return
    if (!declared) this.#fail('an undeclared message', message, `one of ${Object.keys(fromServer).join(', ')}`)
    this.#valid('an invalid envelope', schemas.message, message, message)
    const isPersistent = history !== undefined && !declared.ephemeral
    if (isPersistent !== ('offset' in message)) {
      this.#fail('a wrong header', message, isPersistent ? 'the header of an entry' : 'no header of an entry')
    }
    this.#payload('an invalid message', declared.payload, message.payload, message)
  }

  #payload (issue: string, schema: TypeBoxSchema | undefined, payload: unknown, envelope: Envelope): void {
    if (schema) return this.#valid(issue, schema, payload, envelope)
    if (payload !== undefined) this.#fail(issue, envelope, 'nothing, because none is declared')
  }

  #valid (issue: string, schema: TypeBoxSchema, value: unknown, envelope: Envelope): void {
    const closed = this.#subject.closed(schema)
    if (Value.Check(closed, value)) return
    const [{ path, message } = { path: '', message: 'a valid value' }] = Value.Errors(closed, value)
    this.#fail(issue, envelope, `'${path}': ${message}`)
  }

  #fail (issue: string, received: Envelope, expected: string): never {
    const type = isControl(received.type) ? (this.#last as Envelope).type : received.type
    throw new BrokenContract(issue, type, { sent: this.#last, received, expected })
  }
}

/** The users in a presence list, a page or a change of it. */
function entriesIn (content: object): Array<{ readonly data: unknown }> {
  const { presence, present, joined, updated } = content as Readonly<Record<string, unknown>>
  return [presence, present, joined, updated].flatMap((entries) => Array.isArray(entries) ? entries : [])
}
