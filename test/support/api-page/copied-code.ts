import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { clientCode } from '../../../lib/api-page/trial/snippets.ts'
import { exampleOf } from '../../../lib/contract/examples/example.ts'
import type { AnyChannel, FromClientDefinition } from '../../../lib/contract/define-channel.ts'
import { parsePattern } from '../../../lib/contract/pattern.ts'
import { chat } from '../../../routes/chat/chat.contract.ts'
import { metrics } from '../../../routes/dashboard/dashboard.contract.ts'
import { editor } from '../../../routes/editor/editor.contract.ts'
import type { Page } from '../docs/page.ts'
import { root } from '../root.ts'

/** The contracts of the demo by the name that the API page gives them, with their files. */
const contracts: ReadonlyArray<readonly [name: string, contract: AnyChannel, file: string, exported: string]> = [
  ['chat', chat, 'chat/chat', 'chat'],
  ['metrics', metrics, 'dashboard/dashboard', 'metrics'],
  ['doc', editor, 'editor/editor', 'editor']
]

/** The code that the API page gives for each message of the demo, beside the contracts, as blocks of a page. */
export function copiedCode (): Page {
  const sources = contracts.map(([name, , file, exported]) =>
    `// ${name}.contract.ts\n${readFileSync(join(root, `routes/${file}.contract.ts`), 'utf8')}\n` +
    (name === exported ? '' : `export { ${exported} as ${name} }\n`))
  const codes = contracts.flatMap(([, { pattern, definition }]) => [
    ...Object.entries<FromClientDefinition>(definition.fromClient).map(([type, message]) =>
      codeOf(pattern, definition.history !== undefined, type, message)),
    codeOf(pattern, true, 'history', {})
  ])
  const blocks = [...sources, ...codes].map((code, i) => ({ language: 'ts', line: i, code }))
  return { path: 'docs/copied.md', text: '', headings: [], prelude: '', blocks }
}

function codeOf (pattern: string, hasHistory: boolean, type: string, { payload, reply }: FromClientDefinition): string {
  return clientCode({
    url: 'ws://localhost:3000/ws',
    carrier: 'subprotocol',
    pattern,
    params: Object.fromEntries(parsePattern(pattern).names.map((name) => [name, 'a'])),
    address: 'a',
    hasHistory,
    type,
    payload: payload && exampleOf(payload, type),
    hasReply: reply !== undefined
  })
}
