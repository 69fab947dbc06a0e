import { useCallback, useSyncExternalStore } from 'react'
import type { ClientState } from '../client/client.ts'
import type { ConnectError } from '../client/transport/connect-error.ts'
import { useClient } from './provider.ts'

/** What `useConnectionState` returns. */
export interface ConnectionStatus {
  /** The state of the client; `idle` while a server renders. */
  readonly state: ClientState
  /** The last failed attempt to connect; undefined once a connection is open. */
  readonly lastError: ConnectError | undefined
}

/** The state of the client, and why it cannot connect. */
export function useConnectionState (): ConnectionStatus {
  const client = useClient()
  const subscribe = useCallback((changed: () => void) => {
    const unsubscribe = [client.onState(changed), client.onConnectError(changed)]
    return () => { for (const remove of unsubscribe) remove() }
  }, [client])
  const state = useSyncExternalStore(subscribe, () => client.state, (): ClientState => 'idle')
  const lastError = useSyncExternalStore(subscribe, () => client.lastError, () => undefined)
  return { state, lastError }
}
