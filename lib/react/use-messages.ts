import { useCallback, useMemo, useSyncExternalStore } from 'react'
import type { Resync } from '../client/typed/typed-channel.ts'
import type { EntryInfo } from '../client/typed/typed-messaging.ts'
import type { ChannelDefinition } from '../contract/define-channel.ts'
import type { Params } from '../contract/pattern.ts'
import type { IsPersistent, ParamsOf, ServerMessageType, ServerPayloadOf } from '../contract/message-types.ts'
import { loadOlder } from './older-messages.ts'
import type { ChannelTarget, TargetDefinition } from './register.ts'
import { useChannelStore, type ChannelOptions, type ChannelResult } from './use-channel.ts'
import { StateStore } from './state-store.ts'

/** One received message. A persistent message has its entry; the `id` of the entry identifies it. */
export type ReceivedMessage<D extends ChannelDefinition, K extends ServerMessageType<D>> = {
  [T in K]: {
    readonly type: T
    readonly payload: ServerPayloadOf<D, T>
    readonly entry: IsPersistent<D, T> extends true ? EntryInfo : EntryInfo | undefined
  }
}[K]

/** The options of `useMessages` for a list of messages. */
export interface MessageListOptions<D extends ChannelDefinition, K extends ServerMessageType<D>>
  extends ChannelOptions<D> {
  /** The types of messages to keep. */
  readonly types: readonly K[]
  /**
   * How many messages to keep; older ones are dropped.
   * @default 1000
   */
  readonly limit?: number
}

/** The options of `useMessages` with a reducer. */
export interface ReducerOptions<D extends ChannelDefinition, K extends ServerMessageType<D>, S>
  extends ChannelOptions<D> {
  /** The types of messages that go to the reducer. */
  readonly types: readonly K[]
  /** The state before the first message, and after each resync. */
  readonly initial: S
  /** Returns the state after a message, and does not change the old one. */
  readonly reduce: (state: S, message: ReceivedMessage<D, K>) => S
  /**
   * Returns the state at a resync, for a channel with snapshots.
   * @default `initial`
   */
  readonly reset?: (resync: Resync<D>) => S
}

/** What `useMessages` returns: the result of `useChannel`, and the messages. */
export type MessagesResult<D extends ChannelDefinition, S> = ChannelResult<D> & { readonly messages: S }

/** What `useMessages` returns without a reducer. */
export type MessageListResult<D extends ChannelDefinition, K extends ServerMessageType<D>> =
  MessagesResult<D, ReadonlyArray<ReceivedMessage<D, K>>> & {
    /**
     * Puts older messages of the history in front of `messages`, from a page of `limit` entries, by default 100.
     * Resolves to whether there are more; to `true`, and does nothing, while the channel is not joined. Rejects as
     * `channel.history` does.
     */
    readonly loadOlder: (limit?: number) => Promise<boolean>
  }

/**
 * Joins a channel as `useChannel` does, and keeps its messages: those of the history, then new ones. A reducer makes
 * any state of them.
 * @example const { messages } = useMessages('chat/:room', { room }, { types: ['message.posted'] })
 */
export function useMessages<T extends ChannelTarget, K extends ServerMessageType<TargetDefinition<T>>, S> (
  target: T, params: ParamsOf<TargetDefinition<T>>, options: ReducerOptions<TargetDefinition<T>, K, S>
): MessagesResult<TargetDefinition<T>, S>
export function useMessages<T extends ChannelTarget, K extends ServerMessageType<TargetDefinition<T>>> (
  target: T, params: ParamsOf<TargetDefinition<T>>, options: MessageListOptions<TargetDefinition<T>, K>
): MessageListResult<TargetDefinition<T>, K>
export function useMessages (target: ChannelTarget, params: unknown, options: unknown): unknown {
  const { types, on, limit = 1000, initial = none, reduce = append(limit), reset = () => initial, enabled = true } =
    options as UntypedOptions
  const take = (type: string) => (...[payload, entry]: Parameters<Listener>) => {
    state.set(reduce(state.value(), { type, payload, entry }))
    on?.[type]?.(payload, entry)
  }
  const [store, view] = useChannelStore(target, params as Params, {
    enabled,
    on: { ...on, ...Object.fromEntries(types.map((type) => [type, take(type)])) },
    onResync: (resync) => state.set(reset(resync))
  })
  const state = useMemo(() => new StateStore(initial), [store])
  const { channel } = view
  const older = useCallback(
    async (limit?: number) => !channel || loadOlder(channel, types, state as StateStore<[]>, limit),
    [channel, state, types.join()]
  )
  return { ...view, messages: useSyncExternalStore(state.subscribe, state.value, state.value), loadOlder: older }
}

type Listener = (payload: unknown, entry: unknown) => void

interface UntypedOptions {
  readonly types: readonly string[]
  readonly on?: Readonly<Record<string, Listener | undefined>>
  readonly enabled?: boolean
  readonly limit?: number
  readonly initial?: unknown
  readonly reduce?: (state: unknown, message: unknown) => unknown
  readonly reset?: (resync: never) => unknown
}

const none: readonly unknown[] = []

/** The reducer of a list with the newest messages. */
function append (limit: number) {
  return (messages: unknown, message: unknown) => [...messages as unknown[], message].slice(-limit)
}
