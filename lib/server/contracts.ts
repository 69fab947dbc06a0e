import { compileChannel, contractPath, type CompiledChannel } from '../contract/compile.ts'
import { ContractError } from '../contract/contract-errors.ts'
import type { AnyChannel } from '../contract/define-channel.ts'
import { overlap } from '../contract/pattern.ts'
import { slowPatterns } from '../contract/schema/backtracking.ts'
import { AppendHooks, type AppendHooksDeps } from './messages/append-hooks.ts'

export interface ContractsDeps extends AppendHooksDeps {
  /** Whether patterns prone to backtracking are refused, instead of logged. */
  readonly strictPatterns: boolean
}

/**
 * The contracts that the routes of a server serve, and those that its other code uses. Each is compiled once, and no
 * two match the same address.
 */
export class Contracts {
  readonly #compiled = new Map<AnyChannel, CompiledChannel>()
  readonly #hooks = new Map<CompiledChannel, AppendHooks>()
  readonly #deps: ContractsDeps

  constructor (deps: ContractsDeps) {
    this.#deps = deps
  }

  /** @throws {ContractError} when the contract is invalid, or when an address matches both it and another contract */
  add (contract: AnyChannel): CompiledChannel {
    const known = this.#compiled.get(contract)
    if (known) return known
    const compiled = compileChannel(contract)
    for (const other of this.#compiled.values()) refuseOverlap(compiled, other)
    this.#checkPatterns(contract)
    this.#compiled.set(contract, compiled)
    return compiled
  }

  #checkPatterns ({ pattern, definition }: AnyChannel): void {
    const { log, strictPatterns } = this.#deps
    for (const slow of slowPatterns(definition, contractPath(pattern))) {
      const issue = `the pattern ${slow.pattern} is prone to backtracking`
      const advice = 'let no part of it match the same text in two ways, or check the text in the handler'
      if (strictPatterns) throw new ContractError(slow.path, issue, advice)
      log.warn(slow, `${issue}: ${advice}`)
    }
  }

  /** The hooks of a contract that was added. */
  hooksOf (compiled: CompiledChannel): AppendHooks {
    const hooks = this.#hooks.get(compiled) ?? new AppendHooks(compiled, this.#deps)
    this.#hooks.set(compiled, hooks)
    return hooks
  }

  /** A contract that code outside handlers uses, in a process that may have no route for it. @throws {ContractError} */
  of (contract: AnyChannel, madeBy: 'defineChannel' | 'defineConnection'): CompiledChannel {
    const { pattern, definition } = Object(contract) as Partial<AnyChannel>
    const isOfKind = (pattern === '') === (madeBy === 'defineConnection')
    if (typeof pattern === 'string' && typeof definition === 'object' && isOfKind) return this.add(contract)
    throw new ContractError('a call of rooms or registry', 'a wrong contract', `pass what ${madeBy} returned`)
  }
}

/** The contracts of connections have no address, so each route may have its own. */
function refuseOverlap (a: CompiledChannel, b: CompiledChannel): void {
  if (a.pattern.text === '' || b.pattern.text === '' || !overlap(a.pattern, b.pattern)) return
  throw new ContractError(contractPath(a.pattern.text), `an overlap with the pattern '${b.pattern.text}'`,
    'change one of the patterns, because an address must match one contract only')
}
