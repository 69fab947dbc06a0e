import t from 'tap'
import { compile } from '../support/types/compile.ts'

// Declaration merging holds for a whole program, so that each of these is a program of its own.

const contract = `
import { Type } from '@sinclair/typebox'
import { defineChannel } from '../../plugins/channels.js'
export const news = defineChannel({
  pattern: 'news/:topic',
  params: Type.Object({ topic: Type.String() }),
  fromClient: { vote: { payload: Type.Integer() } },
  fromServer: { item: { payload: Type.String() } }
})
`

const using = (expression: string) => `
import { implement } from '../../plugins/channels.js'
import { news } from './contract.ts'
implement(news, { authorize: (ctx) => ${expression}, on: { vote: () => {} } })
`

const tokens = `
import '@fastify/jwt'
declare module '@fastify/jwt' { interface FastifyJWT { user: { id: string, rooms: string[] } } }
`

const register = (member: string) => `
import type {} from '../../plugins/channels.js'
declare module '../../plugins/channels.js' { interface Register { ${member} } }
`

t.test('types: ctx.user has the type that @fastify/jwt declares for request.user', async (t) => {
  const { errors } = compile({
    'contract.ts': contract,
    'tokens.ts': tokens,
    'right.ts': using('ctx.user.rooms.includes(ctx.params.topic)'),
    'wrong.ts': using('ctx.user.room === "x"'),
    'locals.ts': using('ctx.locals.locale === "fr"')
  })
  t.match([...errors].sort(), [
    /^locals\.ts\(4\): 'ctx\.locals' is of type 'unknown'/,
    /^wrong\.ts\(4\): Property 'room' does not exist on type '{ id: string; rooms: string\[\]; }'/
  ], 'ctx.locals is unknown without a declaration of its type')
  t.equal(errors.length, 2)
})

t.test('types: Register overrides the types of ctx.user and ctx.locals through the public entry', async (t) => {
  const { errors } = compile({
    'contract.ts': contract,
    'tokens.ts': tokens,
    'register.ts': register('user: { admin: boolean }, locals: { locale: string }'),
    'right.ts': using('ctx.user.admin && ctx.locals.locale === "fr"'),
    'wrong.ts': using('ctx.user.rooms.length > 0')
  })
  t.match(errors, [/^wrong\.ts\(4\): Property 'rooms' does not exist on type '{ admin: boolean; }'/])
  t.equal(errors.length, 1)
})

t.test('types: a client compiles with a type-only import of a contract, without the types of Fastify', async (t) => {
  const client = `
    import { connect } from '../../lib/client/index.js'
    import type { news } from './contract.ts'
    const topic = await connect<typeof news>('/ws').join('news/:topic', { topic: 'x' })
    topic.on('item', (text) => text satisfies string)
  `
  const lean = contract.replace('plugins/channels.js', 'lib/contract/define-channel.js')
  t.strictSame(compile({ 'contract.ts': lean, 'client.ts': client }).errors, [])
})

t.test('types: Register { decorators: false } leaves the names of the shortcuts to the application', async (t) => {
  const server = (declared: string) => `
    import fastify, { type FastifyInstance } from 'fastify'
    import type { ChannelsService } from '../../plugins/channels.js'
    ${declared}
    const app = fastify()
    app.channels satisfies ChannelsService
    export const size = (instance: FastifyInstance) => instance.rooms.size
  `
  const own = `declare module 'fastify' { interface FastifyInstance { registry: Map<string, number> } }
    fastify().registry satisfies Map<string, number>`
  t.strictSame(compile({ 'server.ts': server('') }).errors, [], 'without it, instances have app.rooms')
  t.match(compile({ 'server.ts': server(own) }).errors, [/^server\.ts\(4\): .*'FastifyInstance<.*'Shortcuts'/],
    'without it, a name of the application clashes')
  const errors = compile({ 'server.ts': server(own), 'register.ts': register('decorators: false') }).errors
  t.match(errors, [/^server\.ts\(8\): Property 'rooms' does not exist/], 'with it, only its own name is there')
  t.equal(errors.length, 1)
})
