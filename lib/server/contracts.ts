import { compileChannel, contractPath, type CompiledChannel } from '../contract/compile.ts'
import { ContractError } from '../contract/contract-errors.ts'
import type { AnyChannel } from '../contract/define-channel.ts'
import { overlap } from '../contract/pattern.ts'
import { differenceOf } from '../contract/parts/sharing.ts'
import { slowPatterns } from '../contract/schema/backtracking.ts'
import { AppendHooks, type AppendHooksDeps } from './messages/append-hooks.ts'

export interface ContractsDeps extends AppendHooksDeps {
  /** Whether patterns prone to backtracking are refused, instead of logged. */
  readonly strictPatterns: boolean
}

/**
 * The contracts that the routes of a server serve, and those that its other code uses. Each is compiled once. No two
 * have the same channels, unless they share them.
 */
export class Contracts {
  readonly #compiled = new Map<AnyChannel, CompiledChannel>()
  readonly #hooks = new Map<string, AppendHooks>()
  readonly #deps: ContractsDeps

  constructor (deps: ContractsDeps) {
    this.#deps = deps
  }

  /** @throws {ContractError} when the contract is invalid, or has channels of another one that does not share them */
  add (contract: AnyChannel): CompiledChannel {
    const known = this.#compiled.get(contract)
    if (known) return known
    const compiled = compileChannel(contract)
    for (const other of this.#compiled.values()) requireOwnChannels(compiled, other)
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

  /** The hooks of the channels of a contract that was added. */
  hooksOf ({ channels }: CompiledChannel): AppendHooks {
    const hooks = this.#hooks.get(channels) ?? new AppendHooks(this.#deps)
    this.#hooks.set(channels, hooks)
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

/** The contracts of connections have no address, so each route may have its own. @throws {ContractError} */
function requireOwnChannels (a: CompiledChannel, b: CompiledChannel): void {
  if (a.pattern.text === '' || b.pattern.text === '' || !overlap(a.pattern, b.pattern)) return
  if (a.nameOf('') !== b.nameOf('')) return
  const path = contractPath(a.pattern.text)
  if (!a.isShared || !b.isShared) {
    throw new ContractError(path, `an overlap with the pattern '${b.pattern.text}'`, 'change one of the patterns, ' +
      "give one of the contracts a 'namespace', or share the channels with 'shared: true' in both")
  }
  const difference = differenceOf(a.contract, b.contract)
  if (difference === undefined) return
  throw new ContractError(`${path}, ${difference}`, `a difference to the pattern '${b.pattern.text}', which is shared`,
    "declare it alike in both contracts, or give one of them a 'namespace'")
}
