/** `fastify-channels/contract`: what declares a channel, for server, browser and tests alike. */
export * from './definition.ts'
export * from './payloads.ts'
export { addressOf, type Params } from './address.ts'
