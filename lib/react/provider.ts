import {
  createContext, createElement, useContext, type FunctionComponentElement, type ProviderProps, type ReactNode
} from 'react'
import { UsageError } from '../protocol/errors.ts'
import type { RegisteredClient } from './register.ts'

const ClientContext = createContext<RegisteredClient | undefined>(undefined)

/** The props of `ChannelsProvider`. */
export interface ChannelsProviderProps {
  /** The client of the components below. The application opens and closes it. */
  readonly client: RegisteredClient
  readonly children?: ReactNode
}

/**
 * Gives a client to the hooks of the components below.
 * @example <ChannelsProvider client={client}><Chat /></ChannelsProvider>
 */
export function ChannelsProvider (
  { client, children }: ChannelsProviderProps
): FunctionComponentElement<ProviderProps<RegisteredClient | undefined>> {
  return createElement(ClientContext.Provider, { value: client }, children)
}

/**
 * The client of the nearest `ChannelsProvider` above.
 * @throws {UsageError} When there is no provider.
 */
export function useClient (): RegisteredClient {
  const client = useContext(ClientContext)
  if (client) return client
  throw new UsageError('no client above this component: wrap the application in <ChannelsProvider client={client}>')
}
