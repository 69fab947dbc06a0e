import { ContractError } from '../contract/contract-errors.ts'
import type { AnyChannel } from '../contract/define-channel.ts'
import { contractPath, type CompiledChannel, type CompiledClientMessage } from '../contract/compile.ts'
import { requireKnownKeys, suggestion } from '../contract/option-checks.ts'
import { matchPattern, overlap, type Params } from '../contract/pattern.ts'
import { welcomeEncoder, type EncodedMessage } from '../protocol/encoding.ts'
import { maxChannelLength, maxDepth } from '../protocol/envelope.ts'
import { refusal } from '../protocol/errors.ts'
import type { Contracts } from './contracts.ts'
import type { ErasedImplementation, ImplementedChannel } from './implement.ts'
import { afterPreHandlers, checkPreHandlers } from './messages/pre-handlers.ts'
import type { AppendHooks } from './messages/append-hooks.ts'
import type { RouteBehaviour } from './route.ts'

/** A message that clients may send, with its handler. */
export interface ServedMessage extends CompiledClientMessage {
  readonly handle: ErasedImplementation['on'][string]
  /** What its `rateLimit` counts: contracts that share their channels share the rates that they declare alike. */
  readonly rateKey: string
}

/** A compiled contract with its implementation. */
export interface ServedChannel {
  readonly compiled: CompiledChannel
  readonly implementation: ErasedImplementation
  readonly hooks: AppendHooks
  readonly messages: ReadonlyMap<string, ServedMessage>
  /** The types of the idempotent messages. */
  readonly idempotent: readonly string[]
}

/** The contracts that one route serves. */
export class Router {
  /** The contract of the connection itself, if the route has one. */
  readonly connection: ServedChannel | undefined
  /** The first message of a connection with this id. */
  readonly welcome: (connectionId: string) => EncodedMessage
  readonly route: RouteBehaviour
  readonly #channels: readonly ServedChannel[]

  /** @throws {ContractError} for an invalid or duplicate contract, or for a missing or undeclared handler */
  constructor (implemented: readonly ImplementedChannel[], contracts: Contracts, route: RouteBehaviour) {
    this.route = route
    const served = implemented.map(({ channel, implementation }) => serve(channel, implementation, contracts))
    served.forEach((one, i) => served.slice(0, i).forEach((other) => requireDistinct(one, other)))
    this.connection = served.find(({ compiled }) => compiled.pattern.text === '')
    this.#channels = served.filter((s) => s !== this.connection)
    this.welcome = welcomeEncoder({
      limits: { messageBytes: route.messageBytes, channelLength: maxChannelLength, depth: maxDepth },
      patterns: this.#channels.map(({ compiled }) => compiled.pattern.text)
    })
  }

  /**
   * The contract that an address belongs to, with its params.
   * @throws {MessageError} `unknown_channel`, with `details` when the params break their schema
   */
  require (address: string): { served: ServedChannel, params: Params } {
    for (const served of this.#channels) {
      const params = matchPattern(served.compiled.pattern, address)
      const issue = params && served.compiled.params(params)
      if (issue) throw refusal('unknown_channel', issue)
      if (params) return { served, params }
    }
    throw refusal('unknown_channel')
  }
}

/** A client names a channel by its address alone. @throws {ContractError} */
function requireDistinct ({ compiled: { pattern } }: ServedChannel, { compiled }: ServedChannel): void {
  if (!overlap(pattern, compiled.pattern)) return
  const path = contractPath(pattern.text)
  const isSame = pattern.text === compiled.pattern.text
  if (isSame) throw new ContractError(path, 'duplicate contract', 'pass it to the route once')
  throw new ContractError(path, `an overlap with the pattern '${compiled.pattern.text}' on the same route`,
    'serve the contracts on two routes')
}

function serve (contract: AnyChannel, implementation: ErasedImplementation, contracts: Contracts): ServedChannel {
  const compiled = contracts.add(contract)
  const path = contractPath(compiled.pattern.text)
  const messages = new Map([...compiled.fromClient].map(([type, message]) => {
    const handle = implementation.on[type]
    if (typeof handle === 'function') {
      const { max, timeWindow } = message.rateLimit ?? {}
      const rateKey = JSON.stringify([compiled.channels, type, max, timeWindow])
      return [type, { ...message, rateKey, handle: afterPreHandlers(implementation, type, handle, path) }]
    }
    throw new ContractError(
      path, `missing handler '${type}'`, "add it to 'on', because the contract declares the message"
    )
  }))
  checkImplementation(implementation, compiled, path)
  const idempotent = [...messages].filter(([, message]) => message.idempotent).map(([type]) => type)
  const hooks = contracts.hooksOf(compiled)
  hooks.add(implementation.onAppend, compiled.pattern)
  return { compiled, implementation, hooks, messages, idempotent }
}

const implementationKeys = [
  'authorize', 'presence', 'joined', 'left', 'onAppend', 'preHandler', 'preHandlers', 'on'
]

/** A misspelt `authorize` would let everyone join. @throws {ContractError} */
function checkImplementation (implementation: ErasedImplementation, compiled: CompiledChannel, path: string): void {
  requireKnownKeys(implementation, implementationKeys, `the implementation of ${path}`)
  const types = [...compiled.fromClient.keys()]
  const extra = Object.keys(implementation.on).find((type) => !types.includes(type))
  if (extra !== undefined) throw new ContractError(path, `unknown handler '${extra}'`, suggestion(extra, types))
  checkPreHandlers(implementation, types, path)
  if (compiled.presence && !implementation.presence) {
    throw new ContractError(path, "missing function 'presence'", 'add it, because the contract declares presence')
  }
}
