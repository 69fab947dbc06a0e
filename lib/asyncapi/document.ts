import { compileChannel } from '../contract/compile.ts'
import type { AsyncApiDocument } from './asyncapi-document.ts'
import { addBinding } from './bindings.ts'
import { addConnection } from './channels/connection-channel.ts'
import { addContract } from './channels/contract-channel.ts'
import { DocumentParts } from './document-parts.ts'
import type { AsyncApiSettings, DocumentedRoute } from './documented-route.ts'
import { routeFingerprints } from './model/fingerprint.ts'
import { plainJson } from './schema/json-schema.ts'
import { addSecurity } from './security.ts'

/**
 * Describes routes as an AsyncAPI document. The same routes always give the same document.
 * @throws {ContractError} for an invalid contract, and for an example that breaks its schema.
 */
export function asyncApiDocument (
  routes: readonly DocumentedRoute[], { info, servers }: AsyncApiSettings = {}
): AsyncApiDocument {
  const contracts = new Set(routes.flatMap(({ contracts }) => contracts))
  for (const contract of contracts) compileChannel(contract)
  const parts = new DocumentParts([...contracts])
  for (const route of routes) addRoute(parts, route)
  const { channels, operations, securitySchemes, channelBindings, schemas } = parts
  return withFingerprints(plainJson({
    asyncapi: '3.1.0',
    info: info ?? { title: 'WebSocket API', version: '0.0.0' },
    defaultContentType: 'application/json',
    ...(servers && { servers }),
    channels,
    operations,
    components: {
      schemas: schemas.all,
      ...(Object.keys(securitySchemes).length > 0 && { securitySchemes }),
      channelBindings,
      correlationIds: {
        correlationId: {
          description: 'Chosen by the client. The reply has the same one.', location: '$message.payload#/correlationId'
        }
      }
    }
  } satisfies AsyncApiDocument))
}

/** The connection of a route has the fingerprint of the route's contracts. */
function withFingerprints (document: AsyncApiDocument): AsyncApiDocument {
  const fingerprints = routeFingerprints(document)
  const channels = Object.entries(document.channels).map(([id, channel]) => {
    const { 'x-pattern': pattern, 'x-route': route } = channel
    return [id, pattern === undefined ? { ...channel, 'x-fingerprint': fingerprints.get(route as string) } : channel]
  })
  return { ...document, channels: Object.fromEntries(channels) as AsyncApiDocument['channels'] }
}

function addRoute (parts: DocumentParts, route: DocumentedRoute): void {
  const { url, contracts } = route
  const name = parts.bindingNames.take(url)
  const about = { name, binding: addBinding(parts, name, route), security: addSecurity(parts, route) }
  addConnection(parts, route, about)
  for (const contract of contracts) if (contract.pattern !== '') addContract(parts, contract, about, url)
}
