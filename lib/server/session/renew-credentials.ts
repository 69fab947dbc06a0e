import type { Connection } from '../../connection/connection.ts'
import type { Registry } from '../../connection/registry.ts'
import { invalidToken, refusal } from '../../protocol/errors.ts'

/**
 * Takes a new token of the same user, from the payload of a `refresh`.
 *
 * @throws {MessageError} `unknown_type` on a route without tokens, `invalid_payload`, `invalid_token`
 */
export async function renewCredentials (
  connection: Connection, payload: unknown, registry: Pick<Registry, 'renew'>
): Promise<void> {
  const { verify, userId } = connection
  const { token } = (payload ?? {}) as { token?: unknown }
  if (!verify) throw refusal('unknown_type')
  if (typeof token !== 'string') throw refusal('invalid_payload', { path: '/token', message: 'Expected string' })
  const credentials = await verify(token)
  if (credentials.userId !== userId) throw invalidToken('the token belongs to another user')
  registry.renew(connection, credentials)
}
