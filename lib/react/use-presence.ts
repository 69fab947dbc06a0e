import { useCallback, useSyncExternalStore } from 'react'
import type { PresenceView, TypedChannel } from '../client/typed/typed-channel.ts'
import type { ChannelDefinition } from '../contract/define-channel.ts'

/**
 * The presence of a channel that `useChannel` or `useMessages` returned; undefined until the channel is joined.
 * @example const present = usePresence(useChannel('chat/:room', { room }, { onResync: 'ignore' }).channel)
 */
export function usePresence<D extends ChannelDefinition> (
  channel: TypedChannel<D> | undefined
): PresenceView<D> | undefined {
  const subscribe = useCallback((changed: () => void) => channel?.onPresence(changed) ?? ignore, [channel])
  return useSyncExternalStore(subscribe, () => channel?.presence, () => undefined)
}

function ignore (): void {}
