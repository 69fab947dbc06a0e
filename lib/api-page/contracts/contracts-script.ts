import { Type } from '@sinclair/typebox'
import type { DocumentedRoute } from '../../asyncapi/documented-route.ts'
import { contractPath } from '../../contract/compile.ts'
import type { AnyChannel, FromClientDefinition } from '../../contract/define-channel.ts'
import { parsePattern } from '../../contract/pattern.ts'
import { historyPayload, wireSchemas } from '../../contract/wire/wire-schemas.ts'
import { CheckedSchemas, dataCode } from './checked-schemas.ts'
import type { PageChannel, PageMessage, PageRoute } from './page-contracts.ts'

/**
 * What the code of TypeBox calls. The formats and kinds of the application are functions of its own, so only the server
 * checks them.
 */
const prelude = `const format = () => true
const kind = () => true
const hash = (value) => JSON.stringify(value, (_, part) => Object(part) !== part || Array.isArray(part)
  ? part
  : Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1)))
`

const refreshPayload = Type.Object({ token: Type.String() })

/**
 * The script with the contracts of the routes. It has the checks of their messages as the server has them, as code,
 * because the policy of a page allows no `eval`. It exports what `PageContracts` says.
 */
export function contractsScript (routes: readonly DocumentedRoute[]): string {
  const schemas = new CheckedSchemas()
  const pageRoutes = routes.map((route) => pageRoute(schemas, route))
  const control = Object.fromEntries(Object.entries(wireSchemas.fromServer).map(([name, schema]) =>
    [name, schemas.addOpen(schema)]))
  return `${prelude}export const schemas = ${schemas.code}
export const routes = ${dataCode(pageRoutes)}
export const control = ${dataCode(control)}
`
}

function pageRoute (schemas: CheckedSchemas, { url, contracts, carriers = [] }: DocumentedRoute): PageRoute {
  const own = contracts.find(({ pattern }) => pattern === '')
  const connection = own
    ? pageChannel(schemas, own)
    : { pattern: '', names: [], hasHistory: false, fromClient: {}, fromServer: {} }
  const fromClient = { ...connection.fromClient, ping: { errors: {} }, refresh: refresh(schemas) }
  const channels = contracts.filter(({ pattern }) => pattern !== '').map((contract) => pageChannel(schemas, contract))
  return { url, carriers, channels: [{ ...connection, fromClient }, ...channels] }
}

const refresh = (schemas: CheckedSchemas): PageMessage =>
  ({ payload: schemas.add(refreshPayload, 'refresh', { token: '' }), errors: {} })

function pageChannel (schemas: CheckedSchemas, { pattern, definition }: AnyChannel): PageChannel {
  const { params, history, fromClient, fromServer } = definition
  const path = contractPath(pattern)
  const sent = Object.entries(fromClient).map(([type, message]) =>
    [type, pageMessage(schemas, message, `${path}, fromClient '${type}'`)] as const)
  const received = Object.entries(fromServer).map(([type, { payload }]) =>
    [type, payload ? schemas.add(payload, `${path}, fromServer '${type}'`) : null] as const)
  return {
    pattern,
    names: parsePattern(pattern).names,
    ...(params && { params: schemas.add(params, `${path}, params`) }),
    hasHistory: history !== undefined,
    fromClient: {
      ...Object.fromEntries(sent),
      ...(history && { history: { payload: schemas.add(historyPayload, 'history', { limit: 10 }), errors: {} } })
    },
    fromServer: Object.fromEntries(received)
  }
}

function pageMessage (
  schemas: CheckedSchemas, { payload, reply, errors = {} }: FromClientDefinition, path: string
): PageMessage {
  return {
    ...(payload && { payload: schemas.add(payload, `${path}, payload`) }),
    ...(reply && { reply: schemas.add(reply, `${path}, reply`) }),
    errors: Object.fromEntries(Object.entries(errors).map(([code, schema]) =>
      [code, schemas.add(schema, `${path}, error '${code}'`)]))
  }
}
