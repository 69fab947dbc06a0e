import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { ConnectionLimits } from '../../lib/limits/limits.ts'
import type { ConnectionFunctions, RouteBehaviour } from '../../lib/server/route.ts'
import { InvalidOptions } from '../errors.ts'
import {
  callback, connectionLimits, contractMismatch, fingerprints, int32, optionals, problemOf, withoutUndefined
} from '../option-schemas.ts'
import type { PartialOptions } from '../options.ts'
import type { Settings } from '../settings.ts'
import type { ContractMismatchOption, RouteContractsDeps } from '../upgrade/route-contracts.ts'

const routeSchema = TypeCompiler.Compile(optionals({
  connected: callback,
  disconnected: callback,
  locals: callback,
  maxPayload: int32,
  limits: optionals(connectionLimits, 'an object of limits'),
  contractMismatch,
  previousContracts: fingerprints
}, 'an object'))

const sharedLimits: readonly string[] = ['connections', 'perUser', 'perIp']

/** The options of the plugin that a route may have for itself. */
export interface RouteSettings extends ConnectionFunctions {
  /**
   * The largest message that a client may send on this route.
   * @default that of the plugin
   */
  readonly maxPayload?: number | undefined
  /**
   * How much one connection of this route may use, where that differs from the limits of the plugin.
   * @default those of the plugin
   */
  readonly limits?: PartialOptions<ConnectionLimits> | undefined
  /**
   * What happens to clients that were built with another contract.
   * @default that of the plugin
   */
  readonly contractMismatch?: ContractMismatchOption | undefined
  /**
   * The fingerprints of other contracts whose clients this route serves, such as those before the last deployment. The
   * route serves those of all its contracts, and of each of them alone, in any case.
   * @default none
   */
  readonly previousContracts?: readonly string[] | undefined
}

type ContractOptions = Pick<RouteContractsDeps, 'contractMismatch' | 'previousContracts'>

/**
 * Takes the options of the plugin out of those of a route.
 * @param messageBytes the largest message on a route without a limit of its own
 * @throws {InvalidOptions} for a wrong value.
 */
export function routeBehaviourOf<Options extends RouteSettings & { readonly locals?: unknown }> (
  url: string, options: Options, settings: Pick<Settings, 'limits' | 'contractMismatch'>, messageBytes: number
): {
    readonly behaviour: RouteBehaviour
    readonly contractOptions: ContractOptions
    readonly rest: Omit<Options, keyof RouteSettings>
  } {
  const { connected, disconnected, maxPayload, limits, contractMismatch, previousContracts, ...rest } = options
  const given = withoutUndefined({
    connected, disconnected, maxPayload, limits, contractMismatch, previousContracts, locals: rest.locals
  })
  refuseSharedLimits(url, limits)
  const error = routeSchema.Errors(given).First()
  if (error) throw new InvalidOptions(`the route '${url}' has the ${problemOf(error)}`)
  const functions = withoutUndefined({ connected, disconnected }) as ConnectionFunctions
  const ownLimits = { ...settings.limits, ...withoutUndefined(limits) }
  const behaviour = { messageBytes: maxPayload ?? messageBytes, limits: ownLimits }
  const contractOptions = {
    contractMismatch: contractMismatch ?? settings.contractMismatch, previousContracts: previousContracts ?? []
  }
  return { behaviour: { ...behaviour, ...functions }, contractOptions, rest }
}

function refuseSharedLimits (url: string, limits: object | undefined): void {
  const shared = Object.keys(limits ?? {}).find((name) => sharedLimits.includes(name))
  if (shared === undefined) return
  throw new InvalidOptions(`the route '${url}' has the limit '${shared}', which counts for all routes together: ` +
    `pass it to app.register(channels, { limits: { ${shared} } })`)
}
