/** `fastify-channels/client`: the client for browsers, Node and React Native. */
export { connect, type ConnectOptions } from './connect.ts'
export { ChannelsError } from '../protocol/errors.ts'
export { RequestError, type FailureCode } from './request-error.ts'
export { ConnectError, StopConnecting, type ConnectFailure } from './transport/connect-error.ts'
export type { CallOptions } from './requests/call.ts'
export type { TokenSource } from './transport/token.ts'
export type {
  HistoryOptions, HistoryPageOf, JoinOptions, ListenOptions, Present, PresenceDifference, PresenceView, Resync,
  TypedChannel
} from './typed/typed-channel.ts'
export type { ChannelListeners, DeclaredError, EntryInfo, SendResult, TypedMessaging } from './typed/typed-messaging.ts'
export type { UntypedClient, TypedClient } from './typed/typed-client.ts'
export type { Unsubscribe } from './listeners.ts'
export type { ClientState } from './client.ts'
export type { NetworkEventSource } from './features/page-events.ts'
export type { CloseInfo, WebSocketConstructor, WebSocketLike } from './transport/web-socket.ts'
export type { PresenceCount } from '../protocol/control-messages.ts'
export type { Position } from '../protocol/position.ts'
export type { ResyncReason } from '../protocol/recoverability.ts'
