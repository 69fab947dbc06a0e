import type { AnyChannel } from '../contract/define-channel.ts'
import { asyncApiDocument } from './document.ts'
import { routeFingerprints } from './model/fingerprint.ts'

/** The fingerprint of contracts that one route serves. @throws {ContractError} for an invalid contract */
export function contractFingerprint (contracts: readonly AnyChannel[]): string {
  return routeFingerprints(asyncApiDocument([{ url: '/', contracts }])).get('/') as string
}
