import {
  createContext, createElement, useContext, type Context, type FunctionComponentElement, type ProviderProps,
  type ReactNode
} from 'react'
import { UsageError } from '../protocol/errors.ts'
import type { RegisteredClient } from './register.ts'

type ClientContext = Context<RegisteredClient | undefined>

const contextKey: unique symbol = Symbol.for('fastify-channels.client')

/**
 * The copies of this package on a page share a context, because a component may import one build and its provider the
 * other. It is kept at a function of React, because each copy of React needs a context of its own.
 */
const react = createContext as typeof createContext & { [contextKey]?: ClientContext }
const clientContext = react[contextKey] ??= createContext<RegisteredClient | undefined>(undefined)

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
  return createElement(clientContext.Provider, { value: client }, children)
}

/**
 * The client of the nearest `ChannelsProvider` above.
 * @throws {UsageError} When there is no provider.
 */
export function useClient (): RegisteredClient {
  const client = useContext(clientContext)
  if (client) return client
  throw new UsageError('no client above this component: wrap the application in <ChannelsProvider client={client}>')
}
