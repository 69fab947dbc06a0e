/**
 * The sources of an application whose contract has `count` messages in each direction: declared, implemented and used.
 */
export function largeContract (count: number): Record<string, string> {
  const numbers = Array.from({ length: count }, (_, i) => i)
  return { 'contract.ts': contract(numbers), 'server.ts': server(numbers), 'client.ts': client(numbers) }
}

const lines = (numbers: readonly number[], line: (i: number) => string) => numbers.map(line).join('\n')

// No two messages are alike: the compiler would make the types of equal ones only once.
const contract = (numbers: readonly number[]) => `
import { Type } from '@sinclair/typebox'
import { defineChannel } from '../../lib/contract/define-channel.js'
export const large = defineChannel({
  pattern: 'org/:org/doc/:doc',
  params: Type.Object({ org: Type.String(), doc: Type.String() }),
  fromClient: {
    ${lines(numbers, (i) => `'do.${i}': {
      payload: Type.Object({
        text${i}: Type.String(), at: Type.Optional(Type.Integer()), tags: Type.Array(Type.String())
      }),
      reply: Type.Object({ id${i}: Type.String() }),
      ${i % 3 === 0
        ? `errors: {
          refused${i}: Type.Object({ until: Type.Integer() }), full: Type.Object({ limit${i}: Type.Integer() })
        }`
        : ''}
    },`)}
  },
  fromServer: {
    ${lines(numbers, (i) => `'done.${i}': {
      payload: Type.Object({
        id${i}: Type.String(),
        kind: Type.Union([Type.Literal('a'), Type.Literal('b')]),
        by: Type.Object({ name: Type.String() })
      })
    },`)}
  },
  presence: Type.Object({ name: Type.String() })
})
`

const server = (numbers: readonly number[]) => `
import fastify from 'fastify'
import { channels, implement } from '../../plugins/channels.js'
import { large } from './contract.ts'
const app = fastify()
app.register(channels)
app.ws('/ws', {}, [implement(large, {
  authorize: (ctx) => ctx.params.org === 'acme',
  presence: () => ({ name: 'Ada' }),
  on: {
    ${lines(numbers, (i) => `'do.${i}': async (ctx, { text${i}, tags }) => {
      ${i % 3 === 0 ? `if (tags.length > 9) throw ctx.error('full', { limit${i}: 9 })` : ''}
      await ctx.broadcast('done.${i}', { id${i}: ctx.messageId, kind: 'a', by: { name: text${i} } })
      return { id${i}: tags[0] ?? '' }
    },`)}
  }
})])
app.rooms.of(large, { org: 'acme', doc: '1' }).broadcast('done.0', { id0: '1', kind: 'b', by: { name: 'Ada' } })
`

const client = (numbers: readonly number[]) => `
import { connect } from '../../lib/client/index.js'
import type { large } from './contract.ts'
declare const failure: unknown
const doc = await connect<typeof large>('/ws').join('org/:org/doc/:doc', { org: 'acme', doc: '1' })
${lines(numbers, (i) => `
doc.on('done.${i}', ({ id${i}, kind, by }) => {
  id${i} satisfies string; kind satisfies 'a' | 'b'; by.name satisfies string
})
{
  const { id${i} } = await doc.send('do.${i}', { text${i}: '', tags: [] })
  id${i} satisfies string
  ${i % 3 === 0 ? `if (doc.isError(failure, 'do.${i}', 'refused${i}')) failure.data.until satisfies number` : ''}
}`)}
`
