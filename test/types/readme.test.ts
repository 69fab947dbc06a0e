import { readFileSync } from 'node:fs'
import t from 'tap'
import { root } from '../support/root.ts'
import { compile } from '../support/types/compile.ts'

const readme = readFileSync(`${root}README.md`, 'utf8')
const [contract = '', client = ''] = [...readme.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code as string)

const sources = {
  'contract.ts': `
    import { Type } from '@sinclair/typebox'
    import { defineChannel } from '../../plugins/channels.js'
    const Text = Type.Object({ text: Type.String() })
    const Receipt = Type.Object({ id: Type.String() })
    const Message = Type.Object({ id: Type.String(), text: Type.String() })
    const Typing = Type.Object({ userId: Type.String() })
    export ${contract}
  `,
  'client.ts': `
    import { connect } from '../../lib/client/index.js'
    import type { chat } from './contract.js'
    const client = connect<typeof chat>('/ws')
    const list = new Set<{ text: string }>()
    ${client}
  `
}

t.test('what the README shows of logs compiles, and not without what it says is needed', async (t) => {
  t.strictSame(compile(sources).errors, [])
  const without = { ...sources, 'client.ts': sources['client.ts'].replace(/, \{\n.*onResync[^]*?\n\}\)/, ')') }
  t.not(without['client.ts'], sources['client.ts'])
  t.match(compile(without).errors, [/^client\.ts\(\d+\): Expected 3 arguments, but got 2/])
})
