/** `fastify-channels/react`: hooks over the client, for React 18 and 19. */
export * from './register.ts'
export { ChannelsProvider, useClient, type ChannelsProviderProps } from './provider.ts'
export { useConnectionState, type ConnectionStatus } from './connection-state.ts'
export { useChannel, type ChannelOptions, type ChannelResult, type HistoryChannelOptions } from './use-channel.ts'
export {
  useMessages, type MessageListOptions, type MessageListResult, type MessagesResult, type ReceivedMessage,
  type ReducerOptions
} from './use-messages.ts'
export { usePresence } from './use-presence.ts'
