import { Type, type TSchema } from '@sinclair/typebox'
import { contractPath } from '../../contract/compile.ts'
import type { AnyChannel, FromClientDefinition, FromServerDefinition } from '../../contract/define-channel.ts'
import type { Reference } from '../asyncapi-document.ts'
import type { ChannelParts, DocumentParts } from '../document-parts.ts'
import { ackEnvelope, declaredErrorEnvelope, nothing, partOf, shownAs, type Messages, type Part } from './messages.ts'

/** The envelopes of the messages of one channel, with its address. */
export interface Envelopes {
  readonly channel: TSchema
  readonly fromClient: (type: TSchema, payload: TSchema) => TSchema
  readonly fromServer: (type: TSchema, payload: TSchema, isPersistent: boolean) => TSchema
}

interface Around {
  readonly envelopes: Envelopes
  /** The refusal with a code of the protocol. */
  readonly error: Reference
}

/** Describes the messages of a contract, in both directions. Returns the persistent ones. */
export function addDeclared (
  document: DocumentParts, channel: ChannelParts, messages: Messages, contract: AnyChannel, around: Around
): readonly TSchema[] {
  const declared = new DeclaredMessages(document, channel, messages, contract, around)
  const { fromClient, fromServer } = contract.definition
  for (const [type, message] of Object.entries(fromClient)) declared.addFromClient(type, message)
  return Object.entries(fromServer).flatMap(([type, message]) => declared.addFromServer(type, message))
}

class DeclaredMessages {
  readonly #document: DocumentParts
  readonly #channel: ChannelParts
  readonly #messages: Messages
  readonly #path: string
  readonly #hasHistory: boolean
  readonly #around: Around

  constructor (
    document: DocumentParts, channel: ChannelParts, messages: Messages, contract: AnyChannel, around: Around
  ) {
    this.#document = document
    this.#channel = channel
    this.#messages = messages
    this.#path = contractPath(contract.pattern)
    this.#hasHistory = contract.definition.history !== undefined
    this.#around = around
  }

  addFromClient (type: string, message: FromClientDefinition): void {
    const { idempotent, rateLimit, errors = {} } = message
    const path = `${this.#path}, fromClient '${type}'`
    const payload = this.#part(message.payload, type, `${path}, payload`)
    const envelope = this.#around.envelopes.fromClient(Type.Literal(type), payload.member)
    const sent = this.#channel.add(this.#messages.message(type, envelope, payload), type, `${type}.fromClient`)
    const failures = Object.entries(errors).map(([code, schema]) => ({
      code, details: this.#part(schema, `${type}.${code}`, `${path}, error '${code}'`)
    }))
    const declared = failures.map(({ code, details }) => [code, details.member] as const)
    this.#channel.operate('receive', type, sent, {
      replies: [
        this.#ack(type, message, path), ...failures.map(({ code, details }) => this.#failure(type, code, details)),
        this.#around.error
      ],
      ...(declared.length > 0 && { 'x-errors': Object.fromEntries(declared) }),
      ...(idempotent && { 'x-idempotent': true }),
      ...(rateLimit && { 'x-rate-limit': rateLimit })
    })
  }

  #ack (type: string, { reply }: FromClientDefinition, path: string): Reference {
    const part = this.#part(reply, `${type}.reply`, `${path}, reply`)
    const envelope = ackEnvelope(this.#around.envelopes.channel, part.member, this.#hasHistory)
    return this.#channel.add(this.#messages.message('ack', envelope, part, `'${type}' succeeded.`), `${type}.ack`)
  }

  #failure (type: string, code: string, { member, examples }: Part): Reference {
    const envelope = declaredErrorEnvelope(this.#around.envelopes.channel, code, member, this.#hasHistory)
    const shown = shownAs(...examples.map((details) => ({ code, message: code, details })))
    const summary = `'${type}' failed: ${code}.`
    return this.#channel.add(this.#messages.message('error', envelope, shown, summary), `${type}.error.${code}`)
  }

  /** Returns the envelope of a persistent message. */
  addFromServer (type: string, message: FromServerDefinition): readonly TSchema[] {
    const { ephemeral, whenSlow = 'disconnect' } = message
    const isPersistent = this.#hasHistory && ephemeral !== true
    const payload = this.#part(message.payload, type, `${this.#path}, fromServer '${type}', payload`)
    const envelope = this.#around.envelopes.fromServer(Type.Literal(type), payload.member, isPersistent)
    const sent = this.#channel.add(this.#messages.message(type, envelope, payload), type, `${type}.fromServer`)
    this.#channel.operate('send', type, sent, { 'x-persistent': isPersistent, 'x-when-slow': whenSlow })
    return isPersistent ? [Type.Unsafe({ $ref: `${sent.$ref}/payload` })] : []
  }

  #part (schema: FromClientDefinition['payload'], name: string, path: string): Part {
    return schema ? partOf(this.#document.schemas, schema, name, path) : nothing
  }
}
