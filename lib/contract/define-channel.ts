import type { Channel, ChannelDefinition, ConnectionContract, Messages } from './definition.ts'
import type { ChannelRules, ConnectionRules } from './rules.ts'

export type * from './definition.ts'

/**
 * Declares a kind of channel. Only the types are checked here, so that a browser does not load the schema compiler.
 * The server checks the contract when a route registers it, and throws a `ContractError` with the path of the mistake.
 */
export function defineChannel<const D extends ChannelDefinition> (definition: D & ChannelRules<D>): Channel<D> {
  return { pattern: definition.pattern, definition }
}

/** Declares messages that belong to a connection. A route serves at most one such contract. */
export function defineConnection<const D extends Messages> (messages: D & ConnectionRules<D>): ConnectionContract<D> {
  const { fromClient, fromServer } = messages
  return { pattern: '', definition: { pattern: '', fromClient, fromServer } }
}
