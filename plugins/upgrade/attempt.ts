import type { FastifyRequest } from 'fastify'
import type { Metadata } from '../../lib/connection/metadata.ts'
import { HeldQuotas } from '../../lib/limits/connection-quota.ts'
import type { PendingUpgrade } from '../../lib/server/connections/pending-upgrades.ts'
import type { Authenticated } from '../authentication/authentication.ts'
import type { RefusedForNow } from '../errors.ts'
import { unknownContract } from './route-contracts.ts'

/**
 * A request of a WebSocket route, from its first check until it is refused or its connection is registered. One object
 * in a property of the request: four WeakMaps cost each upgrade more, and every collection again.
 */
export class Attempt {
  /** Those of the attempt, and then those of its connection. */
  readonly quotas = new HeldQuotas()
  /** The id of its connection; '' until the last hook. */
  id = ''
  /** Undefined for a plain request, and for a socket that is closed. */
  upgrade: PendingUpgrade | undefined
  /** Undefined before the authentication. */
  authenticated: Authenticated | undefined
  /** A fingerprint that the route knows, `other` or `unknown`. */
  contract = unknownContract
  locals: unknown
  metadata: Metadata | undefined
  refusal: RefusedForNow | undefined
}

const attemptKey = Symbol('fastify-channels.attempt')

type Attempted = FastifyRequest & { [attemptKey]?: Attempt }

/** The attempt of a request, which begins with the first call. */
export function attemptOf (request: Attempted): Attempt {
  request[attemptKey] ??= new Attempt()
  return request[attemptKey]
}
