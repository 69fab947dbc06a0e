import type { AsyncApiDocument, ChannelObject } from '../../asyncapi/asyncapi-document.ts'
import type { JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import { DocumentReader } from './document-reader.ts'
import { facts, html, type Html, type HtmlPart } from './html.ts'
import { routeSection } from './route-section.ts'
import { schemaTable } from './schema-table.ts'

/** The addresses that a page refers to, relative to its own. */
export interface PageAddresses {
  /** The document without its extension. */
  readonly document: string
  readonly style: string
}

/** The page of a document. It is complete without a script. */
export function renderPage (document: AsyncApiDocument, addresses: PageAddresses): string {
  const reader = new DocumentReader(document)
  const { title, version, description } = document.info
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="${addresses.style}">
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header>
<h1>${title} <small>${version}</small></h1>
${description !== undefined && html`<p class="text">${description}</p>`}
<p>AsyncAPI: <a href="${addresses.document}.json">JSON</a>, <a href="${addresses.document}.yaml">YAML</a></p>
${serversOf(document)}
</header>
<nav aria-label="Channels"><ul>${reader.routes.map((group) => group.map((entry) => entryOf(reader, entry)))}</ul></nav>
<main id="content">
${reader.routes.map((group) => routeSection(reader, group))}
${schemasOf(document)}
</main>
</body>
</html>
`.text
}

function serversOf ({ servers }: AsyncApiDocument): HtmlPart {
  return servers && facts(Object.entries(servers).map(([name, { host, protocol, pathname = '', description }]) =>
    [name, [html`<code>${protocol}://${host}${pathname}</code>`, description !== undefined && ` ${description}`]]))
}

function entryOf (reader: DocumentReader, [id, channel]: readonly [string, ChannelObject]): Html {
  const name = channel['x-pattern'] ?? channel['x-route']
  const operations = reader.operationsOf(id).map(([key, { title }]) =>
    html`<li><a href="#operation-${key}">${title as string}</a></li>`)
  return html`<li><a href="#channel-${id}">${name as string}</a><ul>${operations}</ul></li>`
}

function schemasOf ({ components }: AsyncApiDocument): HtmlPart {
  const schemas = Object.entries(components.schemas as Readonly<Record<string, JsonSchema>>)
  return schemas.length > 0 && html`<section id="schemas" aria-labelledby="title-schemas">
<h2 id="title-schemas">Schemas</h2>
${schemas.map(([name, schema]) => html`<section id="schema-${name}" aria-labelledby="name-${name}">
<h3 id="name-${name}"><code>${name}</code></h3>
${schemaTable(schema, name)}</section>
`)}</section>`
}
