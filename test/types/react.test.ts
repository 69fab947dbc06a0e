import t from 'tap'
import { compile } from '../support/types/compile.ts'

// Declaration merging holds for a whole program, so that each of these is a program of its own.

const contracts = `
import { Type } from '@sinclair/typebox'
import { defineChannel, defineConnection } from '../../lib/contract/index.js'
export const chat = defineChannel({
  pattern: 'chat/:room',
  params: Type.Object({ room: Type.String() }),
  fromClient: { say: { payload: Type.Object({ text: Type.String() }), reply: Type.Object({ id: Type.String() }) } },
  fromServer: {
    said: { payload: Type.Object({ text: Type.String() }) },
    typing: { payload: Type.Boolean(), ephemeral: true }
  },
  presence: Type.Object({ name: Type.String() }),
  history: { limit: 10, ttl: 1000, initial: 5 }
})
export const news = defineChannel({
  pattern: 'news', fromClient: {}, fromServer: { item: { payload: Type.String() } },
  presence: { data: Type.Object({}), list: 'count' }
})
export const account = defineConnection({ fromClient: { hello: { reply: Type.Integer() } }, fromServer: {} })
`

const register = `
import type {} from '../../lib/react/index.js'
import type { account, chat, news } from './contracts.ts'
declare module '../../lib/react/index.js' {
  interface Register { contracts: typeof account | typeof chat | typeof news }
}
`

const hooks = `
import { useChannel, useClient, useConnectionState, useMessages, usePresence } from '../../lib/react/index.js'
import { news } from './contracts.ts'
`

const used = `${hooks}
const room = useChannel('chat/:room', { room: 'x' }, {
  onResync: ({ position }) => position.offset satisfies number,
  on: {
    said: ({ text }, { offset }) => { text satisfies string; offset satisfies number },
    typing: (isTyping) => { isTyping satisfies boolean }
  }
})
if (room.channel) (await room.channel.send('say', { text: 'x' })).id satisfies string
if (room.status === 'joined') room.channel.address satisfies string
if (room.status === 'failed') room.error.code satisfies string
usePresence(room.channel)?.map(({ data }) => data.name satisfies string)
usePresence(useChannel(news).channel)?.count satisfies number | undefined
const args = ['chat/:room', { room: 'x' }] as const
useMessages(...args, { types: ['said'] }).messages.map(({ payload, entry }) => {
  payload.text satisfies string
  entry.id satisfies string
})
useMessages(...args, { types: ['said', 'typing'] }).messages.map((message) => {
  if (message.type === 'said') message.payload.text satisfies string
  else message.payload satisfies boolean
})
await useMessages(...args, { types: ['said'] }).loadOlder(50) satisfies boolean
useMessages(...args, {
  types: ['said'], initial: 0, reduce: (length, { payload }) => length + payload.text.length
}).messages satisfies number
useChannel('news', {}, { on: { item: (text) => text satisfies string } })
useMessages(news, {}, { types: ['item'] }).messages[0]?.payload satisfies string | undefined
await useClient().send('hello') satisfies number
useConnectionState().lastError?.status satisfies number | undefined
`

const wrong = `${hooks}
useChannel('chat/:room', { room: 'x' })
useChannel('chat/:rom', { room: 'x' }, { onResync: 'ignore' })
useChannel('chat/:room', { rom: 'x' }, { onResync: 'ignore' })
useChannel('chat/:room', { room: 'x' }, { onResync: 'ignore', on: { sadi: () => {} } })
useMessages('chat/:room', { room: 'x' }, { types: ['sadi'] })
useMessages('chat/:room', { room: 'x' }, { types: ['said'], initial: 0, reduce: (n, { payload }) => n + payload.count })
`

t.test('types: hooks are typed by the registered contracts, without casts; a wrong use does not compile', async (t) => {
  const { errors } = compile({
    'contracts.ts': contracts, 'register.ts': register, 'right.ts': used, 'wrong.ts': wrong
  })
  t.match(errors, [
    /^wrong.*Expected 3 arguments, but got 2/,
    /^wrong[^]*"chat\/:rom"/,
    /^wrong[^]*'rom' does not exist .* Did you mean to write 'room'/,
    /^wrong[^]*'sadi' does not exist/,
    /^wrong[^]*"sadi"/,
    /^wrong[^]*'count' does not exist on type '{ text: string; }'/
  ])
  t.equal(errors.length, 6)
})

t.test('types: without registered contracts each payload is unknown, unless a contract is passed', async (t) => {
  const page = `${hooks}
    const { channel } = useChannel('chat/:room', { room: 'x' }, { on: { said: (text) => text satisfies unknown } })
    channel?.send('x', 1)
    useMessages('other', {}, { types: ['x'] }).messages[0]?.payload satisfies unknown
    useMessages(news, {}, { types: ['item'] }).messages[0]?.payload satisfies string | undefined
  `
  t.strictSame(compile({ 'contracts.ts': contracts, 'page.ts': page }).errors, [])
})
