import type { OperationObject } from '../../asyncapi/asyncapi-document.ts'
import type { DocumentReader, ShownMessage } from './document-reader.ts'
import { facts, html, json, type Html, type HtmlPart } from './html.ts'
import { anchorOf, schemaTable } from './schema-table.ts'

/** Which channel an operation belongs to, for the script of the page. */
export interface OperationChannel {
  readonly route: string
  /** Empty for messages of the connection. */
  readonly pattern: string
}

/** One operation: its message, the replies to it, and what else is declared of it. */
export function operationArticle (
  reader: DocumentReader, id: string, operation: OperationObject, { route, pattern }: OperationChannel
): Html {
  const { action, title, messages, reply } = operation
  const direction = action === 'receive' ? 'client to server' : 'server to client'
  return html`<article class="operation" id="operation-${id}" data-route="${route}" data-pattern="${pattern}"
 data-type="${title as string}" data-action="${action}" aria-labelledby="heading-${id}">
<h4 id="heading-${id}"><code>${title as string}</code> <small>${direction}</small></h4>
${reader.messages(messages).map((shown) => messageParts(shown))}
${facts(aboutOperation(operation))}
${reply && html`<details open><summary>Replies</summary>
${reader.messages(reply.messages).map((shown) => replySection(reader, id, shown))}</details>`}
</article>
`
}

function aboutOperation (operation: OperationObject): ReadonlyArray<readonly [string, HtmlPart]> {
  const { 'x-rate-limit': rate, 'x-errors': errors, 'x-when-slow': whenSlow, 'x-persistent': persistent } = operation
  const { max, timeWindow } = (rate ?? {}) as { readonly max?: number, readonly timeWindow?: number }
  return [
    ['Idempotent', operation['x-idempotent'] === true && 'sent again under the same id, it has one effect'],
    ['Rate limit', rate !== undefined && `${max} in ${timeWindow} ms`],
    ['Declared errors', errors !== undefined && Object.keys(errors as object).join(', ')],
    ['History', persistent !== undefined && (persistent ? 'kept in the history' : 'not kept in the history')],
    ['For slow clients', whenSlow !== undefined && wordsFor(whenSlow)]
  ]
}

const treatments: Readonly<Record<string, string>> = {
  disconnect: 'it waits; when too much waits, the connection is closed',
  drop: 'it is left out',
  skip: 'waiting messages are left out, and a resync follows'
}

function wordsFor (whenSlow: unknown): string | undefined {
  if (typeof whenSlow === 'string') return treatments[whenSlow]
  return `it replaces a waiting one with the same ${(whenSlow as { readonly latest: string }).latest}`
}

function messageParts (shown: ShownMessage): Html {
  const { $ref } = shown
  return html`<div class="message" id="${anchorOf($ref)}" data-message="${$ref}">
${aboutMessage(shown)}</div>
`
}

/** A reply to several operations, such as `error`, is shown in one of them. */
function replySection (reader: DocumentReader, id: string, shown: ShownMessage): Html {
  const { $ref, message: { name } } = shown
  if (reader.operationOf($ref) !== id) return html`<h5><a href="#${anchorOf($ref)}"><code>${name}</code></a></h5>`
  return html`<section class="message" id="${anchorOf($ref)}" data-message="${$ref}"><h5><code>${name}</code></h5>
${aboutMessage(shown)}</section>
`
}

function aboutMessage ({ message }: ShownMessage): HtmlPart {
  const { summary, description, payload, examples, name } = message
  return [
    [summary, description].map((text) => text !== undefined && html`<p class="text">${text as string}</p>`),
    schemaTable(payload, `The envelope of ${name}`),
    examples !== undefined && html`<details><summary>Example</summary>
${(examples as ReadonlyArray<{ readonly payload: unknown }>).map(({ payload }) => json(payload))}</details>`
  ]
}
