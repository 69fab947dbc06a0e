import { bearer64Prefix, bearerPrefix, subprotocol } from '../protocol/control-messages.ts'
import type { Reference } from './asyncapi-document.ts'
import type { DocumentParts } from './document-parts.ts'
import type { DocumentedRoute, TokenCarrier } from './documented-route.ts'
import { isObject, type JsonSchema } from './schema/json-schema.ts'

const schemes: Readonly<Record<Exclude<TokenCarrier, object>, JsonSchema>> = {
  header: {
    type: 'http',
    scheme: 'bearer',
    description: "The header 'Authorization: Bearer <token>', or 'Bearer64 <base64url of the token>'."
  },
  subprotocol: {
    type: 'httpApiKey',
    name: 'Sec-WebSocket-Protocol',
    in: 'header',
    description: `The subprotocol '${bearerPrefix}<token>' or '${bearer64Prefix}<base64url of the token>', offered ` +
      `beside '${subprotocol}'. For browsers, which cannot set other headers.`
  },
  query: {
    type: 'httpApiKey',
    name: 'token',
    in: 'query',
    description: 'The query parameter, percent-encoded and given once. The server removes it from its logs.'
  }
}

/** The ways in which a route learns who connects. Any one of them is enough. */
export function addSecurity (parts: DocumentParts, route: DocumentedRoute): readonly Reference[] {
  const { carriers = [], securitySchemes = {} } = route
  const all = [...carriers.map(schemeOf), ...Object.entries(securitySchemes)]
  return all.map(([name, scheme]) => {
    parts.securitySchemes[name] = scheme
    return { $ref: `#/components/securitySchemes/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` }
  })
}

/** The scheme of a carrier, with its name in the document. */
function schemeOf (carrier: TokenCarrier): readonly [name: string, scheme: JsonSchema] {
  if (!isObject(carrier)) return [`${carrier}-token`, schemes[carrier]]
  const { cookie } = carrier
  const name = `cookie-${cookie.replaceAll(/[^\w.-]/g, '-')}`
  return [name, { type: 'httpApiKey', name: cookie, in: 'cookie', description: 'The cookie with the token.' }]
}
