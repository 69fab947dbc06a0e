/** `fastify-channels/contract`: declares channels, for the server, the browser and tests. */
export * from './define-channel.ts'
export * from './message-types.ts'
export type { ChannelRules, ConnectionRules } from './rules.ts'
export { addressOf, type Params } from './pattern.ts'
export { wireSchemas, type WireSchemas } from './wire/wire-schemas.ts'
