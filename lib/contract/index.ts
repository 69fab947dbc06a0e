/** `fastify-channels/contract`: what declares a channel, for server, browser and tests alike. */
export * from './define-channel.ts'
export * from './message-types.ts'
export { addressOf, type Params } from './address.ts'
