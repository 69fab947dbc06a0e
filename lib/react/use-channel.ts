import { useEffect, useInsertionEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import type { JoinOptions, TypedChannel } from '../client/typed/typed-channel.ts'
import type { ChannelListeners } from '../client/typed/typed-messaging.ts'
import type { UntypedClient } from '../client/typed/typed-client.ts'
import type { AnyChannel, ChannelDefinition } from '../contract/define-channel.ts'
import type { ParamsOf } from '../contract/message-types.ts'
import type { Params } from '../contract/pattern.ts'
import type { ChannelsError } from '../protocol/errors.ts'
import { ChannelStore, type ChannelView, type CurrentListeners } from './channel-store.ts'
import { useClient } from './provider.ts'
import type { ChannelTarget, TargetDefinition } from './register.ts'

/** The options of `useChannel` for a channel without a history. */
export interface ChannelOptions<D extends ChannelDefinition> {
  /** Listeners of messages by their type. Those of the latest render are called; new ones need no new join. */
  readonly on?: ChannelListeners<D>
  /**
   * Whether the component is in the channel. With `false` the params may be incomplete.
   * @default true
   */
  readonly enabled?: boolean
}

/** The options of `useChannel` for a channel with a history. */
export interface HistoryChannelOptions<D extends ChannelDefinition> extends ChannelOptions<D> {
  /** Called when local state must be discarded, as `onResync` of `client.join`. */
  readonly onResync: JoinOptions<D>['onResync']
}

/** What `useChannel` returns. */
export type ChannelResult<D extends ChannelDefinition> = {
  /** Joins again after a failure, or after the server ended the membership. Has no effect otherwise. */
  readonly rejoin: () => void
} & (
  | { readonly status: 'disabled' | 'joining', readonly channel: undefined, readonly error: undefined }
  | { readonly status: 'joined', readonly channel: TypedChannel<D>, readonly error: undefined }
  | { readonly status: 'failed' | 'left', readonly channel: undefined, readonly error: ChannelsError }
)

/** The arguments of a hook after the channel. Params and options are optional where nothing in them is required. */
export type ChannelArguments<D extends ChannelDefinition> =
  D extends { readonly history: object } ? [params: ParamsOf<D>, options: HistoryChannelOptions<D>]
    : {} extends ParamsOf<D> ? [params?: ParamsOf<D>, options?: ChannelOptions<D>]
        : [params: ParamsOf<D>, options?: ChannelOptions<D>]

/**
 * Joins a channel while the component is mounted. Components with the same channel share one membership. Equal params
 * and new listeners need no new join. A join that failed without a connection is repeated on the next one.
 * @example
 * const { channel, status } = useChannel('chat/:room', { room }, {
 *   on: { 'typing.changed': ({ userId, active }) => setTyping(userId, active) },
 *   onResync: 'ignore'
 * })
 */
export function useChannel<T extends ChannelTarget> (
  target: T, ...[params, options]: ChannelArguments<TargetDefinition<T>>
): ChannelResult<TargetDefinition<T>> {
  const [, view] = useChannelStore(target, params, options)
  return view as ChannelResult<TargetDefinition<T>>
}

/** The store of a channel and its view. A new client, address or `enabled` makes a new store. */
export function useChannelStore (
  target: string | AnyChannel,
  params: Params = {},
  options: CurrentListeners & { readonly enabled?: boolean } = {}
): [store: ChannelStore, view: ChannelView] {
  const client = useClient() as unknown as UntypedClient
  const latest = useRef(options)
  const isEnabled = options.enabled ?? true
  const store = useMemo(
    () => new ChannelStore({ client, target, params, isEnabled, listeners: () => latest.current }),
    [client, keyOf(target, params), isEnabled]
  )
  useInsertionEffect(() => { latest.current = options })
  useEffect(() => store.mount(), [store])
  useEffect(() => store.listen())
  return [store, useSyncExternalStore(store.view.subscribe, store.view.value, store.view.value)]
}

/** Equal for equal patterns and params. */
function keyOf (target: string | AnyChannel, params: object): string {
  return JSON.stringify([typeof target === 'string' ? target : target.pattern, ...Object.entries(params).sort()])
}
