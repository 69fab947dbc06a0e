import type { AnyChannel } from '../contract/define-channel.ts'
import type { TypeBoxSchema } from '../contract/schema/typebox-schema.ts'
import type { ChannelObject, MessageObject, OperationObject, Reference } from './asyncapi-document.ts'
import { ComponentSchemas } from './schema/component-schemas.ts'
import type { JsonSchema } from './schema/json-schema.ts'
import { UniqueNames } from './schema/unique-names.ts'

/** The parts of a document that is being written. */
export class DocumentParts {
  readonly channels: Record<string, ChannelObject> = {}
  readonly operations: Record<string, OperationObject> = {}
  readonly securitySchemes: Record<string, JsonSchema> = {}
  readonly channelBindings: Record<string, JsonSchema> = {}
  readonly schemas: ComponentSchemas
  readonly bindingNames = new UniqueNames()
  readonly channelNames = new UniqueNames()
  readonly operationNames = new UniqueNames()

  constructor (contracts: readonly AnyChannel[]) {
    this.schemas = new ComponentSchemas(contracts.flatMap(schemasOf))
  }
}

/** Every schema of a contract. */
function schemasOf ({ definition }: AnyChannel): TypeBoxSchema[] {
  const { params, presence, history, fromClient, fromServer } = definition
  return [
    params,
    presence && ('data' in presence ? presence.data : presence),
    history?.snapshot,
    ...Object.values(fromClient).flatMap(({ payload, reply, errors = {} }) =>
      [payload, reply, ...Object.values(errors)]),
    ...Object.values(fromServer).map(({ payload }) => payload)
  ].filter((schema) => schema !== undefined)
}

/** What a message is, for the operation that carries it. */
interface Exchange {
  /** The replies that its sender may get. */
  readonly replies?: readonly Reference[]
  readonly [extension: `x-${string}`]: unknown
}

/** One channel of a document that is being written, with its operations. */
export class ChannelParts {
  readonly reference: Reference
  readonly messages: Record<string, MessageObject> = {}
  readonly #id: string
  readonly #document: DocumentParts
  readonly #security: readonly Reference[]
  readonly #names = new UniqueNames()

  constructor (document: DocumentParts, name: string, security: readonly Reference[]) {
    this.#id = document.channelNames.take(name)
    this.#document = document
    this.#security = security
    this.reference = { $ref: `#/channels/${this.#id}` }
  }

  /** Adds a message. `names`: its id, with others for the case that the first is taken. */
  add (message: MessageObject, ...names: readonly string[]): Reference {
    const id = this.#names.take(...names)
    this.messages[id] = message
    return { $ref: `${this.reference.$ref}/messages/${id}` }
  }

  /** Adds what the server does with a message. */
  operate (action: OperationObject['action'], name: string, message: Reference, about: Exchange = {}): void {
    const { replies, ...extensions } = about
    const id = this.#document.operationNames.take(`${this.#id}.${name}`, `${this.#id}.${name}.${action}`)
    this.#document.operations[id] = {
      action,
      title: name,
      channel: this.reference,
      messages: [message],
      ...(replies && { reply: { channel: this.reference, messages: replies } }),
      ...(this.#security.length > 0 && { security: this.#security }),
      ...extensions
    }
  }

  /** Puts the channel into the document, with what else is said about it. */
  finish (about: Omit<ChannelObject, 'messages'>): void {
    const { address, ...rest } = about as ChannelObject
    this.#document.channels[this.#id] = { address, ...rest, messages: this.messages }
  }
}
