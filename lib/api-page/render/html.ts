/** Text that is HTML already. All other text is escaped. */
export class Html {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }
}

/** What may stand in HTML. `undefined` and `false` are nothing, and a list is its members one after the other. */
export type HtmlPart = Html | string | number | boolean | undefined | readonly HtmlPart[]

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'
}

/** A template whose values are escaped: the texts of a contract are text, wherever they stand. */
export function html (parts: TemplateStringsArray, ...values: readonly HtmlPart[]): Html {
  return new Html(parts.map((part, i) => part + textOf(values[i])).join(''))
}

function textOf (part: HtmlPart): string {
  if (part === undefined || part === false) return ''
  if (part instanceof Html) return part.text
  if (Array.isArray(part)) return part.map(textOf).join('')
  return String(part).replaceAll(/[&<>"']/g, (character) => entities[character] as string)
}

/** A value as JSON with line breaks. */
export function json (value: unknown): Html {
  return html`<pre><code>${JSON.stringify(value, null, 2)}</code></pre>`
}

/** A list of terms with what is said of them. One of which nothing is said is left out. */
export function facts (entries: ReadonlyArray<readonly [term: string, about: HtmlPart]>): Html | undefined {
  const said = entries.filter(([, about]) => about !== undefined && about !== false)
  if (said.length === 0) return undefined
  return html`<dl>${said.map(([term, about]) => html`<div><dt>${term}</dt><dd>${about}</dd></div>`)}</dl>`
}

/** A table with a heading for each column. */
export function table (caption: string, heads: readonly string[], rows: ReadonlyArray<readonly HtmlPart[]>): Html {
  return html`<table><caption>${caption}</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell, i) => cellOf(cell, heads[i] as string, i === 0))}</tr>
`)}</tbody></table>
`
}

function cellOf (cell: HtmlPart, head: string, isFirst: boolean): Html {
  if (isFirst) return html`<th scope="row">${cell}</th>`
  return html`<td data-head="${head}"${cell === '' && new Html(' class="empty"')}>${cell}</td>`
}
