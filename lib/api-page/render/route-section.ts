import type { ChannelObject, Reference } from '../../asyncapi/asyncapi-document.ts'
import { isObject, type JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import { channelSection } from './channel-section.ts'
import { partsOf, type DocumentReader, type RouteChannels } from './document-reader.ts'
import { facts, html, table, type Html, type HtmlPart } from './html.ts'
import { operationArticle } from './operation.ts'
import { schemaTable } from './schema-table.ts'

/** One WebSocket route: how to connect, what a connection may use, how it is closed, and its channels. */
export function routeSection (
  reader: DocumentReader, [[id, connection], ...channels]: RouteChannels
): Html {
  const route = connection['x-route'] as string
  const of = { route, pattern: '' }
  const { summary, description } = connection
  const tags = connection.tags as ReadonlyArray<{ readonly name: string }> | undefined
  return html`<section class="route" id="channel-${id}" data-route="${route}" aria-labelledby="title-${id}">
<h2 id="title-${id}">Route <code>${route}</code></h2>
${[summary, description].map((text) => text !== undefined && html`<p class="text">${text as string}</p>`)}
${facts([
    ['Tags', tags?.map(({ name }) => name).join(', ')],
    ['Subprotocol', html`<code>${connection['x-subprotocol'] as string}</code>`],
    ['Who connects', securityOf(reader, id)]
  ])}
${parametersTable(connection)}
${bindingTables(reader, connection)}
${limitsTable(connection['x-limits'])}
<details><summary>How the server closes a connection</summary>
${closeCodes(connection['x-close-codes'])}</details>
${reader.operationsOf(id).map(([key, operation]) => operationArticle(reader, key, operation, of))}
${channels.map(([key, channel]) => channelSection(reader, key, channel))}
</section>
`
}

/** The schemes of the route. Its operations have all of them. */
function securityOf (reader: DocumentReader, id: string): HtmlPart {
  const references = reader.operationsOf(id).flatMap(([, { security = [] }]) => security as readonly Reference[])
  if (references.length === 0) return 'the document names no security scheme'
  return html`<ul class="schemes">${[...new Set(references.map(({ $ref }) => $ref))].map(($ref) => {
    const { description, type, in: carrier, name } = reader.at($ref) as JsonSchema
    const words = description ?? [type, carrier, name].filter((word) => word !== undefined).join(', ')
    return html`<li data-scheme="${partsOf($ref).at(-1)}">${words as string}</li>`
  })}</ul>`
}

function parametersTable ({ parameters }: ChannelObject): HtmlPart {
  if (!parameters) return undefined
  const properties = Object.fromEntries(Object.entries(parameters).map(([name, about]) => [name, about['x-schema']]))
  return schemaTable({ type: 'object', properties, required: Object.keys(properties) }, 'Params of the route')
}

function bindingTables (reader: DocumentReader, { bindings }: ChannelObject): HtmlPart {
  const { ws } = reader.at((bindings as Reference).$ref) as Readonly<Record<string, JsonSchema>>
  const { query, headers } = ws as Readonly<Record<string, JsonSchema>>
  return [
    query && schemaTable(query, 'Query of the upgrade'), headers && schemaTable(headers, 'Headers of the upgrade')
  ]
}

function limitsTable (limits: unknown): HtmlPart {
  if (!isObject(limits)) return undefined
  const rows = Object.entries(limits).map(([name, value]) =>
    [html`<code>${name}</code>`, html`<code>${JSON.stringify(value)}</code>`])
  return table('Limits of a connection', ['Limit', 'Value'], rows)
}

function closeCodes (codes: unknown): HtmlPart {
  const rows = (codes as ReadonlyArray<Readonly<Record<string, string>>>).map(({ code, reason, client }) =>
    [html`<code>${code}</code>`, reason, `the client ${client}`])
  return table('Close codes', ['Code', 'Reason', 'Then'], rows)
}
