/** `fastify-channels/asyncapi`: describes contracts and routes as an AsyncAPI document. */
export { asyncApiDocument } from './document.ts'
export type {
  AsyncApiDocument, AsyncApiInfo, AsyncApiServer, ChannelObject, MessageObject, OperationObject, Reference
} from './asyncapi-document.ts'
export type { AsyncApiSettings, DocumentedRoute, TokenCarrier } from './documented-route.ts'
export type { JsonSchema } from './schema/json-schema.ts'
