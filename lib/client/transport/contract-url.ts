import { contractParameter, fingerprintForm } from '../../protocol/control-messages.ts'

/**
 * The URL of a route with the fingerprint of the contracts that the client is built with.
 * @throws {TypeError} for a text that is no fingerprint
 */
export function withContract (url: string, fingerprint: string): string {
  if (!fingerprintForm.test(fingerprint)) throw new TypeError(`'${fingerprint}' is no fingerprint`)
  return `${url}${url.includes('?') ? '&' : '?'}${contractParameter}=${fingerprint}`
}
