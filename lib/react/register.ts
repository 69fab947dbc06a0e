import type { JoinedDefinition } from '../client/typed/core-client.ts'
import type { TypedClient, UntypedClient } from '../client/typed/typed-client.ts'
import type { AnyChannel } from '../contract/define-channel.ts'

/**
 * The contracts of an application's client, given by declaration merging. Without them every payload is `unknown`.
 *
 *     declare module 'fastify-channels/react' {
 *       interface Register { contracts: typeof chat | typeof notices }
 *     }
 */
export interface Register {}

/** The client that the hooks use, typed by the registered contracts. */
export type RegisteredClient =
  Register extends { contracts: infer C extends AnyChannel } ? TypedClient<C> : UntypedClient

type Contracts = RegisteredClient extends TypedClient<infer C, infer V> ? [contracts: C, values: V] : never

/** What a hook takes as a channel: its pattern, or its contract. */
export type ChannelTarget = Exclude<Contracts[0]['pattern'], ''> | Exclude<Contracts[1], { readonly pattern: '' }>

/** The definition of a channel that a hook takes. */
export type TargetDefinition<T extends ChannelTarget> = JoinedDefinition<Contracts[0], T>
