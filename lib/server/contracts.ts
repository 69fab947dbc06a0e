import { compileChannel, contractPath, type CompiledChannel } from '../contract/compile.ts'
import { ContractError } from '../contract/contract-errors.ts'
import type { AnyChannel } from '../contract/define-channel.ts'
import { overlap } from '../contract/pattern.ts'

/** The contracts that the routes of a server serve. Each is compiled once, and no two match the same address. */
export class Contracts {
  readonly #compiled = new Map<AnyChannel, CompiledChannel>()

  /** @throws {ContractError} when the contract is invalid, or when an address matches both it and another contract */
  add (contract: AnyChannel): CompiledChannel {
    const known = this.#compiled.get(contract)
    if (known) return known
    const compiled = compileChannel(contract)
    for (const other of this.#compiled.values()) refuseOverlap(compiled, other)
    this.#compiled.set(contract, compiled)
    return compiled
  }

  /** @throws {ContractError} when no route serves the contract */
  of (contract: AnyChannel): CompiledChannel {
    const compiled = this.#compiled.get(contract)
    if (compiled) return compiled
    throw new ContractError(
      contractPath(contract.pattern), 'missing route', 'implement the contract and pass it to app.ws'
    )
  }
}

/** The contracts of connections have no address, so each route may have its own. */
function refuseOverlap (a: CompiledChannel, b: CompiledChannel): void {
  if (a.pattern.text === '' || b.pattern.text === '' || !overlap(a.pattern, b.pattern)) return
  throw new ContractError(contractPath(a.pattern.text), `an overlap with the pattern '${b.pattern.text}'`,
    'change one of the patterns, because an address must match one contract only')
}
