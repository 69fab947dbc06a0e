import type { FastifyRequest } from 'fastify'
import type { Clock } from '../../lib/clock.ts'
import type { AnyChannel } from '../../lib/contract/define-channel.ts'
import { logError, type Logger } from '../../lib/logger.ts'
import { contractParameter, fingerprintForm } from '../../lib/protocol/control-messages.ts'
import { BadHandshake, ContractMismatch } from '../errors.ts'

/** What a route does with a client that was built with another contract. */
export type ContractMismatchOption = 'ignore' | 'warn' | 'refuse'

/** The contract of a client that names none, and that of one whose fingerprint the route does not know. */
export const unknownContract = 'unknown'
export const otherContract = 'other'

/** Milliseconds between two lines about one route, because a stranger may cause many of them. */
const warnEveryMs = 60_000

export interface RouteContractsDeps {
  readonly url: string
  readonly contracts: readonly AnyChannel[]
  readonly contractMismatch: ContractMismatchOption
  /** The fingerprints of earlier contracts whose clients the route serves. */
  readonly previousContracts: readonly string[]
  readonly clock: Clock
  readonly log: Logger
}

interface Known {
  /** The fingerprint of all contracts of the route. */
  readonly own: string
  readonly accepted: ReadonlySet<string>
}

/** The contracts of one route, by their fingerprints: those that its clients may have been built with. */
export class RouteContracts {
  readonly #deps: RouteContractsDeps
  #known: Promise<Known> | undefined
  #warnedAt = -Infinity
  #mismatches = 0

  constructor (deps: RouteContractsDeps) {
    this.#deps = deps
  }

  /** Makes the fingerprints where the route needs them for each client. Rejects for a wrong example of a contract. */
  async prepare (): Promise<void> {
    if (this.#deps.contractMismatch !== 'ignore') await this.#load()
  }

  /** Whether a client says with which contract it was built. */
  isNamedBy ({ query }: FastifyRequest): boolean {
    return contractParameter in Object(query)
  }

  /**
   * The contract of a client that names one: a fingerprint that the route knows, or `other`. It never is a
   * text of the client, so that clients with texts of their own take no memory.
   * @throws {BadHandshake} 400 @throws {ContractMismatch} 400
   */
  async contractOf (request: FastifyRequest): Promise<string> {
    const { [contractParameter]: given } = Object(request.query) as Readonly<Record<string, unknown>>
    if (typeof given !== 'string' || !fingerprintForm.test(given)) {
      throw new BadHandshake(`Wrong '${contractParameter}' in the query: send the fingerprint of a contract.`)
    }
    const { own, accepted } = await this.#load()
    const known = [...accepted].find((fingerprint) => fingerprint === given)
    if (known !== undefined) return known
    const { contractMismatch, url } = this.#deps
    if (contractMismatch === 'refuse') throw new ContractMismatch(url, given, own)
    if (contractMismatch === 'warn') this.#warn(given, own)
    return otherContract
  }

  /** The code that makes fingerprints is loaded with the first client that names one. */
  #load (): Promise<Known> {
    this.#known ??= this.#make()
    return this.#known
  }

  async #make (): Promise<Known> {
    const { contracts, previousContracts, contractMismatch, url, log } = this.#deps
    const { contractFingerprint } = await import('../../lib/asyncapi/contract-fingerprint.ts')
    try {
      const own = contractFingerprint(contracts)
      const single = contracts.map((contract) => contractFingerprint([contract]))
      return { own, accepted: new Set([own, ...single, ...previousContracts]) }
    } catch (error) {
      if (contractMismatch !== 'ignore') throw error
      logError(log, {}, error, `the contracts of the route '${url}' have no fingerprint: see the error`)
      return { own: '', accepted: new Set(previousContracts) }
    }
  }

  #warn (given: string, own: string): void {
    const { clock, log, url } = this.#deps
    this.#mismatches++
    if (clock.now() - this.#warnedAt < warnEveryMs) return
    log.warn({ contract: given, own, connections: this.#mismatches },
      `clients of another contract connect to the route '${url}': list it in 'previousContracts', or update them`)
    this.#warnedAt = clock.now()
    this.#mismatches = 0
  }
}
