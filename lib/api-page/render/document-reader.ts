import type {
  AsyncApiDocument, ChannelObject, MessageObject, OperationObject, Reference
} from '../../asyncapi/asyncapi-document.ts'

/** A message with its place in the document. */
export interface ShownMessage {
  readonly $ref: string
  readonly message: MessageObject
}

/** A channel with its id. */
export type NamedChannel = readonly [id: string, channel: ChannelObject]

/** The channel of a connection, then those of the route's contracts. */
export type RouteChannels = readonly [connection: NamedChannel, ...channels: readonly NamedChannel[]]

/** Finds the parts of a document that belong together. */
export class DocumentReader {
  readonly document: AsyncApiDocument
  readonly #operations = new Map<string, Array<readonly [id: string, OperationObject]>>()

  readonly #shownBy = new Map<string, string>()

  constructor (document: AsyncApiDocument) {
    this.document = document
    for (const [id, operation] of Object.entries(document.operations)) {
      const { $ref } = operation.channel
      this.#operations.set($ref, [...this.#operations.get($ref) ?? [], [id, operation]])
    }
    const operations = Object.entries(document.operations)
    const own = operations.flatMap(([id, { messages }]) => messages.map(({ $ref }) => [$ref, id] as const))
    const replies = operations.flatMap(([id, { reply }]) =>
      (reply?.messages ?? []).map(({ $ref }) => [$ref, id] as const))
    for (const [$ref, id] of [...own, ...replies]) if (!this.#shownBy.has($ref)) this.#shownBy.set($ref, id)
  }

  /** The routes: the channel of each connection, with the channels of the contracts. */
  get routes (): readonly RouteChannels[] {
    const groups: Array<[NamedChannel, ...NamedChannel[]]> = []
    for (const entry of Object.entries(this.document.channels)) {
      if (entry[1]['x-pattern'] === undefined) groups.push([entry])
      else groups.at(-1)?.push(entry)
    }
    return groups
  }

  /** In the order of the document, the errors last. Never empty, because every channel has control messages. */
  operationsOf (channelId: string): ReadonlyArray<readonly [id: string, OperationObject]> {
    const operations = this.#operations.get(`#/channels/${channelId}`) as Array<readonly [string, OperationObject]>
    const isError = ([, { title }]: readonly [string, OperationObject]) => Number(title === 'error')
    return operations.toSorted((a, b) => isError(a) - isError(b))
  }

  /** The operation that shows a message: its own, or else the first of those that it answers. */
  operationOf ($ref: string): string | undefined {
    return this.#shownBy.get($ref)
  }

  /** The messages of the references, in that order. */
  messages (references: readonly Reference[]): readonly ShownMessage[] {
    return references.map(({ $ref }) => ({ $ref, message: this.at($ref) as MessageObject }))
  }

  /** What a pointer leads to. */
  at ($ref: string): unknown {
    return partsOf($ref).reduce<unknown>((value, key) =>
      (value as Readonly<Record<string, unknown>>)[key], this.document)
  }
}

/** The parts of a pointer: `#/components/securitySchemes/a~1b` ends with `a/b`. */
export function partsOf ($ref: string): readonly string[] {
  return $ref.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}
