import { matchPattern, parsePattern } from '../../contract/pattern.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { CheckedSchema, PageChannel, PageContracts, SchemaIndex } from '../contracts/page-contracts.ts'
import { firstIssue } from '../issues/first-issue.ts'
import type { FindIssue, TrafficEntry } from './traffic.ts'

type Found = Parameters<FindIssue>[0]

/** Compares messages with the contracts: payloads of declared messages, replies, errors and control messages. */
export class MessageIssues {
  readonly #contracts: PageContracts

  constructor (contracts: PageContracts) {
    this.#contracts = contracts
  }

  /** The first mistake in a message, as `pointer: message`. The pointer is one within the envelope. */
  of (found: Found): string | undefined {
    const { envelope } = found
    if (!envelope) return ': Expected a JSON object'
    return found.direction === 'sent' ? this.#ofSent(found.route, envelope) : this.#ofReceived(found, envelope)
  }

  /** The kind of channel with this address. Undefined for an address that no contract of the route has. */
  channelOf (route: string, address: string | null | undefined): PageChannel | undefined {
    const channels = this.#contracts.routes.find(({ url }) => url === route)?.channels ?? []
    if (address === undefined || address === null) return channels.find(({ pattern }) => pattern === '')
    return channels.find(({ pattern }) => pattern !== '' && matchPattern(parsePattern(pattern), address))
  }

  schema (index: SchemaIndex): CheckedSchema | undefined {
    return index === undefined ? undefined : this.#contracts.schemas[index]
  }

  /** The first mistake in the payload of a message. `index`: its schema; undefined where it has no payload. */
  ofPayload (index: SchemaIndex, payload: unknown, path = ''): string | undefined {
    const schema = this.schema(index)
    if (schema) return said(firstIssue(schema, payload), path)
    return payload === undefined || payload === null ? undefined : `${path}: The message has no payload`
  }

  #ofSent (route: string, { type, channel, payload }: Envelope): string | undefined {
    if (type === 'join' || type === 'leave') return undefined
    const message = member(this.channelOf(route, channel)?.fromClient, type)
    return message ? this.ofPayload(message.payload, payload, '/payload') : '/type: Expected a declared message'
  }

  #ofReceived (found: Found, envelope: Envelope): string | undefined {
    const { type, channel, payload } = envelope
    const control = found.request?.envelope?.type === 'join' && type === 'ack' ? 'joinAck' : type
    const index = member(this.#contracts.control, control)
    if (index !== undefined) {
      return said(firstIssue(this.schema(index) as CheckedSchema, envelope), '') ?? this.#ofReply(found, envelope)
    }
    const declared = member(this.channelOf(found.route, channel)?.fromServer, type)
    if (declared === undefined) return '/type: Expected a declared message'
    return this.ofPayload(declared ?? undefined, payload, '/payload')
  }

  /** What the contract says of a reply. Control messages, and refusals with a code of the protocol, are not in it. */
  #ofReply ({ route, request }: Found, { type, payload }: Envelope): string | undefined {
    const sent = request?.envelope
    const message = sent && member(this.channelOf(route, sent.channel)?.fromClient, sent.type)
    if (!message || sent.type === 'history') return undefined
    if (type === 'ack') return this.ofPayload(message.reply, payload, '/payload')
    const { code, details } = payload as { readonly code: string, readonly details?: unknown }
    const declared = member(message.errors, code)
    return declared === undefined ? undefined : this.ofPayload(declared, details, '/payload/details')
  }
}

function said (issue: ReturnType<typeof firstIssue>, before: string): string | undefined {
  return issue && `${before}${issue.path}: ${issue.message}`
}

/** A member that the object has itself, because messages may have names such as `toString`. */
function member<T> (members: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return members !== undefined && Object.hasOwn(members, name) ? members[name] : undefined
}

/** What kind of message it is, in one word. */
export function kindOf ({ direction, envelope }: TrafficEntry): string {
  const type = envelope?.type ?? ''
  if (direction === 'sent') return 'sent'
  if (type === 'presence') return 'presence'
  return ['ack', 'error'].includes(type) ? type : 'received'
}
