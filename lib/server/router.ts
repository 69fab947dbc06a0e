import { ContractError } from '../contract/contract-errors.ts'
import { contractPath, type CompiledChannel, type CompiledClientMessage } from '../contract/compile.ts'
import { suggestion } from '../contract/option-checks.ts'
import { matchPattern, type Params } from '../contract/pattern.ts'
import type { Contracts } from './contracts.ts'
import type { ErasedImplementation, ImplementedChannel } from './implement.ts'

/** A message that clients may send, with who handles it. */
export interface ServedMessage extends CompiledClientMessage {
  readonly handle: ErasedImplementation['on'][string]
}

/** A contract ready to run, with its behaviour. */
export interface ServedChannel {
  readonly compiled: CompiledChannel
  readonly implementation: ErasedImplementation
  readonly messages: ReadonlyMap<string, ServedMessage>
  /** The types that are declared `idempotent`. */
  readonly idempotent: readonly string[]
}

/** What one route serves. */
export class Router {
  /** The messages of the connection itself, where the route declares any. */
  readonly connection: ServedChannel | undefined
  readonly #channels: readonly ServedChannel[]

  /** @throws {ContractError} for an invalid contract, a duplicate one, or a handler that is missing or not declared. */
  constructor (implemented: readonly ImplementedChannel[], contracts: Contracts) {
    const served = implemented.map(({ channel, implementation }) => serve(contracts.add(channel), implementation))
    const twice = served.find(({ compiled }, i) => served.findIndex((s) => s.compiled.pattern.text === compiled.pattern.text) < i)
    if (twice) throw new ContractError(contractPath(twice.compiled.pattern.text), 'duplicate contract', 'pass it to the route once')
    this.connection = served.find(({ compiled }) => compiled.pattern.text === '')
    this.#channels = served.filter((s) => s !== this.connection)
  }

  /** Which contract an address belongs to, and its params as the contract's schema wants them. */
  find (address: string): { served: ServedChannel, params: Params } | undefined {
    for (const served of this.#channels) {
      const params = matchPattern(served.compiled.pattern, address)
      if (params) return served.compiled.params(params) ? undefined : { served, params }
    }
  }
}

function serve (compiled: CompiledChannel, implementation: ErasedImplementation): ServedChannel {
  const path = contractPath(compiled.pattern.text)
  const messages = new Map([...compiled.fromClient].map(([type, message]) => {
    const handle = implementation.on[type]
    if (typeof handle === 'function') return [type, { ...message, handle }]
    throw new ContractError(path, `missing handler '${type}'`, "add it to 'on', because the contract declares the message")
  }))
  const extra = Object.keys(implementation.on).find((type) => !compiled.fromClient.has(type))
  if (extra !== undefined) {
    throw new ContractError(path, `unknown handler '${extra}'`, suggestion(extra, [...compiled.fromClient.keys()]))
  }
  if (compiled.presence && !implementation.presence) {
    throw new ContractError(path, "missing function 'presence'", 'add it, because the contract declares presence')
  }
  const idempotent = [...messages].filter(([, message]) => message.idempotent).map(([type]) => type)
  return { compiled, implementation, messages, idempotent }
}
