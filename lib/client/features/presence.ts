import type { ChannelDefinition } from '../../contract/define-channel.ts'
import type { JoinedChannel } from '../channel/joined-channel.ts'
import { Presence } from '../channel/presence.ts'
import type { ClientFeature } from '../feature.ts'
import type { Unsubscribe } from '../listeners.ts'
import type { CoreChannel, PresenceListener, PresenceView } from '../typed/typed-channel.ts'

/** Follows the presence of the channels. `presenceOf` and `onPresence` read it. */
export const presence: ClientFeature = ({ requests: { steps } }) => {
  steps.presence = (changed) => new Presence(changed)
}

/**
 * The present users of a channel, as `TypedChannel.presence` has them. Empty without the feature `presence`.
 * @example const count = presenceOf(lobby).length
 */
export function presenceOf<D extends ChannelDefinition> (channel: CoreChannel<D>): PresenceView<D> {
  const { membership } = channel as unknown as JoinedChannel
  return (membership.presence?.view ?? []) as PresenceView<D>
}

/**
 * Adds a listener that gets each new presence list, as `TypedChannel.onPresence` does. Add it when `join` resolves, and
 * it misses no change.
 * @returns A function that removes the listener.
 * @example onPresence(lobby, (users) => show(users))
 */
export function onPresence<D extends ChannelDefinition> (
  channel: CoreChannel<D>, listener: PresenceListener<D>
): Unsubscribe {
  return (channel as unknown as JoinedChannel).on('presence', listener)
}
