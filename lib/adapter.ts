/** `fastify-channels/adapter`: the types with which an application writes an adapter of its own. */
export type * from './cluster/adapter.ts'
export type * from './cluster/events.ts'
export type * from './cluster/history.ts'
export type * from './cluster/idempotency.ts'
export type * from './cluster/nodes.ts'
export type * from './cluster/presence.ts'
export type * from './cluster/pubsub.ts'
export type * from './cluster/quota.ts'
