import type { Envelope } from '../../protocol/envelope.ts'
import type { Report } from '../listeners.ts'
import { RequestError } from '../request-error.ts'
import { isStop } from '../transport/connect-error.ts'
import { tokenFrom, type TokenSource } from '../transport/token-renewal.ts'
import type { Transport } from '../transport/transport.ts'
import type { Callbacks } from './call.ts'

interface Requester {
  readonly deps: { readonly token: TokenSource | undefined, readonly failed: Report }
  readonly transport: Transport
  request (message: Envelope, callbacks: Callbacks): void
}

/** Sends a new token now; without a connection, connects with it. Rejects when the server refuses the token. */
export async function refresh (requests: Requester): Promise<void> {
  const { deps, transport } = requests
  const { renewal } = transport
  const old = renewal.token
  try {
    const token = await tokenFrom(deps.token)
    if (!transport.connection) return transport.check()
    // The same token again would be renewed at ever shorter waits. A new connection has a token of its own.
    if (!token || token === old || renewal.token !== old) return
    await new Promise((resolve, reject) => requests.request({ type: 'refresh', payload: { token } }, {
      resolve: () => resolve(renewal.accept(token)), reject
    }))
  } catch (error) {
    if (!isStop(error)) throw error
    transport.stop(error)
  }
}

/** Renews the token on time. When that fails, the server closes the connection at the end of the old token. */
export async function renew (requests: Requester): Promise<void> {
  await refresh(requests).catch((error: unknown) => {
    if (!(error instanceof RequestError)) requests.deps.failed(error)
  })
}
