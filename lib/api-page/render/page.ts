import type { AsyncApiDocument } from '../../asyncapi/asyncapi-document.ts'
import type { JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import { DocumentReader, type RouteChannels } from './document-reader.ts'
import { facts, html, type Html, type HtmlPart } from './html.ts'
import type { PageModules } from './page-modules.ts'
import { routeSection } from './route-section.ts'
import { schemaTable } from './schema-table.ts'

/**
 * The page of a document. It can be read without its script.
 * @param path of the page, relative to itself: the document has the same one with an extension
 */
export function renderPage (
  document: AsyncApiDocument, path: string, modules: PageModules
): string {
  const reader = new DocumentReader(document)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${document.info.title}</title>
<link rel="stylesheet" href="${path}/page.css">
${scriptsOf(path, modules)}
</head>
<body data-contracts="${path}/contracts.js">
<a class="skip" href="#content">To the content</a>
${headerOf(document, path)}
<nav aria-label="Channels"><ul>${reader.routes.map((group) => routeEntry(reader, group))}</ul></nav>
<main id="content">
${reader.routes.map((group) => routeSection(reader, group))}
${schemasOf(document)}
</main>
</body>
</html>
`.text
}

/** The script with all of its modules, so that the browser asks for them at the same time. */
function scriptsOf (path: string, { version, entry, files }: PageModules): HtmlPart {
  const addressOf = (file: string) => `${path}/modules/${version}/${file}`
  return [
    html`<script type="module" src="${addressOf(entry)}"></script>`,
    [...files.keys()].filter((file) => file !== entry).map((file) => html`
<link rel="modulepreload" href="${addressOf(file)}">`)
  ]
}

function headerOf (document: AsyncApiDocument, path: string): Html {
  const { title, version, description } = document.info
  return html`<header>
<h1>${title} <small>${version}</small></h1>
${description !== undefined && html`<p class="text">${description}</p>`}
<p>AsyncAPI: <a href="${path}.json">JSON</a>, <a href="${path}.yaml">YAML</a></p>
${serversOf(document)}
</header>`
}

function serversOf ({ servers }: AsyncApiDocument): HtmlPart {
  return servers && facts(Object.entries(servers).map(([name, { host, protocol, pathname = '', description }]) =>
    [name, [html`<code>${protocol}://${host}${pathname}</code>`, description !== undefined && ` ${description}`]]))
}

function routeEntry (reader: DocumentReader, [[id, connection], ...channels]: RouteChannels): Html {
  const entries = channels.map(([id, channel]) => entryOf(id, channel['x-pattern'], operationEntries(reader, id)))
  return entryOf(id, connection['x-route'], [...entries, ...operationEntries(reader, id)])
}

function operationEntries (reader: DocumentReader, id: string): Html[] {
  return reader.operationsOf(id).map(([key, { title }]) =>
    html`<li><a href="#operation-${key}">${title as string}</a></li>`)
}

function entryOf (id: string, name: unknown, entries: readonly Html[]): Html {
  return html`<li><a href="#channel-${id}">${name as string}</a><ul>${entries}</ul></li>`
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
