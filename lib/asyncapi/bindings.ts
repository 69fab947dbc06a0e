import { subprotocol } from '../protocol/control-messages.ts'
import type { Reference } from './asyncapi-document.ts'
import type { DocumentParts } from './document-parts.ts'
import type { DocumentedRoute } from './documented-route.ts'
import type { JsonSchema } from './schema/json-schema.ts'

/** The version of the WebSockets binding of AsyncAPI. */
const bindingVersion = '0.1.0'

const subprotocolHeader: JsonSchema = {
  type: 'string',
  description: `Without the header the server selects no subprotocol. A list has to contain '${subprotocol}'.`,
  examples: [subprotocol]
}

const tokenParameter: JsonSchema = { type: 'string', description: 'A token, when it does not travel elsewhere.' }

/** How the upgrade of a route is asked for: its query, headers and subprotocol. */
export function addBinding (parts: DocumentParts, name: string, route: DocumentedRoute): Reference {
  const { query, headers, carriers = [] } = route
  const hasToken = carriers.includes('query')
  parts.channelBindings[name] = {
    ws: {
      method: 'GET',
      ...((query || hasToken) && { query: withProperties(query, hasToken ? { token: tokenParameter } : {}) }),
      headers: withProperties(headers, { 'Sec-WebSocket-Protocol': subprotocolHeader }),
      bindingVersion
    }
  }
  return { $ref: `#/components/channelBindings/${name}` }
}

/** The binding wants an object with properties. */
function withProperties ({ properties, ...rest }: JsonSchema = {}, more: JsonSchema): JsonSchema {
  return { ...rest, type: 'object', properties: { ...more, ...properties as JsonSchema } }
}
