import { ContractError } from '../contract/contract-error.ts'
import type { CompiledChannel, CompiledClientMessage } from '../contract/compile.ts'
import { matchPattern } from '../contract/pattern.ts'
import type { Params } from '../contract/address.ts'
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
  /** The types that are declared `once`. */
  readonly idempotent: readonly string[]
}

/** What one route serves. */
export class Router {
  /** The messages of the connection itself, where the route declares any. */
  readonly connection: ServedChannel | undefined
  readonly #channels: readonly ServedChannel[]

  /** @throws {ContractError} for an unsound contract, one given twice, or a handler that is missing or not declared. */
  constructor (implemented: readonly ImplementedChannel[], contracts: Contracts) {
    const served = implemented.map(({ channel, implementation }) => serve(contracts.add(channel), implementation))
    const twice = served.find(({ compiled }, i) => served.findIndex((s) => s.compiled.pattern.text === compiled.pattern.text) < i)
    if (twice) throw new ContractError(spotOf(twice.compiled), 'is given twice on this route')
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
  const spot = `${spotOf(compiled)}: on`
  const messages = new Map([...compiled.fromClient].map(([type, message]) => {
    const handle = implementation.on[type]
    if (typeof handle !== 'function') throw new ContractError(spot, `lacks the handler '${type}'`)
    return [type, { ...message, handle }]
  }))
  const extra = Object.keys(implementation.on).find((type) => !compiled.fromClient.has(type))
  if (extra) throw new ContractError(spot, `has the handler '${extra}', which the contract does not declare`)
  if (compiled.presence && !implementation.presence) throw new ContractError(spotOf(compiled), "lacks 'presence', which the contract declares")
  const idempotent = [...messages].filter(([, message]) => message.idempotent).map(([type]) => type)
  return { compiled, implementation, messages, idempotent }
}

function spotOf ({ pattern }: CompiledChannel): string {
  return pattern.text === '' ? 'the connection' : `channel '${pattern.text}'`
}
