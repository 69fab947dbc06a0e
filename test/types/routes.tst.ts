import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import { describe, expect, test } from 'tstyche'
import {
  channels, closeEvents, implement, type ChannelsOptions, type Reached, type Room, type WsOptions
} from '../../plugins/channels.ts'
import type { User } from '../../lib/server/implement.ts'
import type { ConnectionInfo } from '../../lib/connection/connection-info.ts'
import { account, chat, news } from '../support/types/chat/chat.contract.ts'
import * as on from '../support/types/chat/on.ts'

const served = [
  implement(chat, { presence: (ctx) => ({ name: ctx.user.name }), on }),
  implement(account, { on: { whoami: (ctx) => ({ id: ctx.user.sub }) } })
]

type Undefined<T> = { [K in keyof T]-?: undefined }

describe('options', () => {
  test('one that is undefined has its default', () => {
    expect<ChannelsOptions>().type.toBeAssignableFrom<Undefined<ChannelsOptions>>()
    expect<WsOptions>().type.toBeAssignableFrom<Undefined<WsOptions>>()
    const nested = { limits: { perUser: undefined }, heartbeat: { interval: undefined } }
    expect<ChannelsOptions>().type.toBeAssignableFrom(nested)
    expect<WsOptions>().type.toBeAssignableFrom({ limits: { joins: undefined } })
  })
})

describe('app.ws', () => {
  test('takes a route, its options and its channels', () => {
    const app = fastify()
    app.register(channels, { origins: ['https://app.example.com'], jwt: { secret: 'x'.repeat(32) } })
    expect(app.ws('/ws', {}, served)).type.toBe<FastifyInstance>()
    expect(app.ws('/ws', served)).type.toBe<FastifyInstance>()
    app.ws('/open', { public: true, identify: (request) => request.headers['x-user'] }, served)
    app.ws('/hooks', { onRequest: async (request, reply) => { if (request.ip === '') await reply.code(401) } }, served)
  })

  test('infers the query of a schema after withTypeProvider', () => {
    const querystring = Type.Object({ lang: Type.String() })
    fastify().withTypeProvider<TypeBoxTypeProvider>().ws('/ws', {
      schema: { querystring },
      preHandler: async (request) => { expect(request.query).type.toBe<{ lang: string }>() }
    }, served)
  })

  test('is there inside plugins', () => {
    const plain: FastifyPluginAsync = async (app) => { app.ws('/ws', {}, served) }
    const typed: FastifyPluginAsyncTypebox = async (app) => {
      app.ws('/ws', {
        schema: { params: Type.Object({ id: Type.Integer() }) },
        preHandler: async (request) => { expect(request.params).type.toBe<{ id: number }>() }
      }, served)
    }
    fastify().register(plain, { prefix: '/v1' }).register(typed)
  })

  test('is there over TLS and HTTP/2', () => {
    fastify({ https: {} }).ws('/ws', {}, served)
    fastify({ http2: true, https: {} }).ws('/ws', {}, served)
    fastify({ http2: true }).ws(
      '/ws', { onRequest: async (request) => { expect(request.raw.stream).type.not.toBe<undefined>() } }, served
    )
  })

  test('does not take what it sets itself, what there is not, or a contract without behaviour', () => {
    const app = fastify()
    // @ts-expect-error 'websocket' does not exist in type
    app.ws('/ws', { websocket: true }, served)
    // @ts-expect-error 'handler' does not exist in type
    app.ws('/ws', { handler: () => {} }, served)
    // @ts-expect-error 'publik' does not exist in type
    app.ws('/ws', { publik: true }, served)
    // @ts-expect-error Type 'Channel<...is missing the following properties from type 'ImplementedChannel': channel,
    // implementation
    app.ws('/ws', {}, [news])
    // @ts-expect-error '{}' is ... type 'readonly ImplementedChannel[]'
    app.ws('/ws', {})
  })
})

describe('the plugin', () => {
  test('passes the application\'s user to userId', () => {
    fastify().register(channels, { userId: (user: User) => String(user) })
    fastify().register(channels, { userId: async (user: User) => String(user) })
    // @ts-expect-error Type 'number' is not assignable to type 'string | Promise<string>'
    fastify().register(channels, { userId: () => 42 })
  })

  test('refuses unknown options and wrong values', () => {
    // @ts-expect-error 'origin' does not exist in type
    fastify().register(channels, { origin: ['https://app.example.com'] })
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    fastify().register(channels, { maxPayload: '64k' })
  })
})

describe('app.rooms', () => {
  const { rooms } = fastify()

  test('reaches a room by its contract', () => {
    expect(rooms.of(chat, { room: 'lobby' })).type.toBe<Room<typeof chat.definition>>()
    expect(rooms.of(news).broadcast('item', 'hello')).type.toBe<Promise<void>>()
    rooms.of(chat, { room: 'lobby' }).remove({ userId: '1' }, 'banned')
  })

  test('does not take other params, types or payloads', () => {
    // @ts-expect-error Expected 2 arguments, but got 1
    rooms.of(chat)
    // @ts-expect-error 'topic' does not exist in type '{ room: string; }'
    rooms.of(chat, { topic: 'lobby' })
    // @ts-expect-error Argument of type '"message.edited"' is not assignable to parameter of type...message.posted
    // "typing.changed" | "closing"'
    rooms.of(chat, { room: 'lobby' }).broadcast('message.edited', {})
    // @ts-expect-error Type 'number' is not assignable to type 'string'
    rooms.of(chat, { room: 'lobby' }).broadcast('message.posted', { id: 1, text: '', from: '' })
  })

  test('broadcasts a message without a payload', () => {
    rooms.of(chat, { room: 'lobby' }).broadcast('closing', undefined)
  })
})

describe('app.registry', () => {
  const { registry } = fastify()

  test('sends the messages of a connection, wherever its user is', () => {
    expect(registry.send('42', account, 'notice', { text: 'hello' })).type.toBe<Promise<Reached>>()
    expect(registry.get('c1')).type.toBe<ConnectionInfo | undefined>()
    registry.disconnect({ userId: '42' }, closeEvents.goingAway)
  })

  test('does not take other types, payloads or contracts', () => {
    // @ts-expect-error Argument of type '"hello"' is not assignable to parameter of type '"notice"'
    registry.send('42', account, 'hello', {})
    // @ts-expect-error 'body' does not exist in type '{ text: string; }'
    registry.send('42', account, 'notice', { body: 'hello' })
    // @ts-expect-error Type '"chat/:room"' is not assignable to type '""'
    registry.send('42', chat, 'closing', undefined)
    // @ts-expect-error 'user' does not exist in type 'GivenTarget'
    registry.disconnect({ user: '42' })
  })
})

describe('app.heartbeat', () => {
  test('can be looked at, and not be changed', () => {
    const { heartbeat } = fastify()
    expect(heartbeat.terminated).type.toBe<number>()
    // @ts-expect-error Cannot assign to 'size' because it is a read-only property
    heartbeat.size = 1
  })
})
