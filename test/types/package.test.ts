import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { root } from '../support/root.ts'
import { runCompiler } from '../support/types/compile.ts'

/** An application in TypeScript, on the built package by its name. */
const application = `
import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { channels, defineChannel, implement } from 'fastify-channels'
import { connect } from 'fastify-channels/client'
import { defineConnection } from 'fastify-channels/contract'
import { useMessages } from 'fastify-channels/react'
import { adapterConformance, FakeClock, TestClient } from 'fastify-channels/testing'
import type { Adapter, AdapterEvents, HistoryPort } from 'fastify-channels/adapter'

declare module 'fastify-channels' {
  interface Register { user: { id: string, rooms: string[] }, locals: { tenant: string } }
}

const chat = defineChannel({
  pattern: 'chat/:room',
  params: Type.Object({ room: Type.String() }),
  fromClient: { say: { payload: Type.Object({ text: Type.String() }) } },
  fromServer: { said: { payload: Type.Object({ count: Type.Number() }) } }
})
const own = defineConnection({ fromClient: {}, fromServer: { greeting: {} } })

const app = fastify()
await app.register(channels, { jwt: { secret: 'secret' } })
app.ws('/ws', { locals: () => ({ tenant: 'acme' }) }, [implement(chat, {
  authorize: (ctx) => ctx.user.rooms.includes(ctx.params.room) && ctx.locals.tenant === 'acme',
  on: { say: (ctx, { text }) => ctx.broadcast('said', { count: text.length }) }
})])
await app.rooms.of(chat, { room: 'lobby' }).broadcast('said', { count: 1 })
await app.registry.send('user', own, 'greeting')
app.heartbeat.size satisfies number

const lobby = await connect<typeof chat>('ws://localhost').join('chat/:room', { room: 'lobby' })
lobby.on('said', ({ count }) => count satisfies number)
// @ts-expect-error: the server sends no such message
lobby.on('sadi', () => {})
export { FakeClock, TestClient }
export const useCounts = () =>
  useMessages(chat, { room: 'x' }, { types: ['said'] }).messages.map(({ payload }) => payload.count satisfies number)

declare const Mine: new () => Adapter & { start (events: AdapterEvents): Promise<void>, readonly history: HistoryPort }
export const conforms = (t: Parameters<typeof adapterConformance>[0]) =>
  adapterConformance(t, (nodes) => ({ adapters: Array.from({ length: nodes }, () => new Mine()) }))
`

/** TypeScript takes this for CommonJS, so `Type` makes schemas with the types of another copy of TypeBox. */
const commonJs = "export { Type } from '@sinclair/typebox'\n"

const applicationOfTwoCopies = `
import { defineChannel, implement } from 'fastify-channels'
import { connect } from 'fastify-channels/client'
import { Type } from './commonjs.cjs'

const chat = defineChannel({
  pattern: 'chat/:room',
  params: Type.Object({ room: Type.String() }),
  fromClient: { say: { payload: Type.String(), reply: Type.Integer(), errors: { muted: Type.Integer() } } },
  fromServer: { said: { payload: Type.Object({ text: Type.String() }) } },
  presence: Type.Object({ name: Type.String() }),
  history: { limit: 1, ttl: 1, snapshot: Type.Object({ all: Type.Array(Type.String()) }) }
})
implement(chat, {
  authorize: (ctx) => ctx.params.room === 'lobby',
  presence: () => ({ name: 'Ada' }),
  on: {
    say: async (ctx, text) => {
      await ctx.broadcast('said', { text })
      if (text === '') throw ctx.error('muted', 7)
      return text.length
    }
  }
})
const room = await connect<typeof chat>('ws://localhost').join('chat/:room', { room: 'lobby' }, { onResync: 'ignore' })
room.on('said', ({ text }) => text satisfies string)
// @ts-expect-error: the server sends an object
room.on('said', (text: string) => text)
// @ts-expect-error: the schema lacks a name of the pattern
defineChannel({ pattern: 'chat/:room', params: Type.Object({}), fromClient: {}, fromServer: {} })
`

/** A page has the types of the DOM, and neither those of Node.js nor `skipLibCheck`. */
const page = `
import { connect } from 'fastify-channels/client'
import { connect as connectCore } from 'fastify-channels/client/core'
import { addressOf } from 'fastify-channels/contract'
import { ChannelsProvider, useMessages } from 'fastify-channels/react'

connect('/ws').join(addressOf('chat/:room', { room: 'lobby' }))
export { ChannelsProvider, connectCore, useMessages }
`

const compileOptions = ['--ignoreConfig', '--noEmit', '--strict', '--target', 'ES2023', '--module', 'NodeNext']

function compile (t: Test, options: readonly string[]): void {
  const { stdout, status } = runCompiler([...compileOptions, ...options])
  t.equal(stdout, '')
  t.equal(status, 0)
}

function makeFolder (t: Test): string {
  const folder = mkdtempSync(join(root, 'dist/application-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

t.test('the built package types an application that imports it by name', async (t) => {
  const folder = makeFolder(t)
  const file = join(folder, 'application.ts')
  writeFileSync(file, application)
  const second = join(folder, 'two-copies.ts')
  writeFileSync(second, applicationOfTwoCopies)
  writeFileSync(join(folder, 'commonjs.cts'), commonJs)
  compile(t, ['--types', 'node', file, second])
})

t.test('the built package types a page without the types of Node.js', async (t) => {
  const file = join(makeFolder(t), 'page.ts')
  writeFileSync(file, page)
  compile(t, ['--lib', 'ES2023,DOM,DOM.Iterable', file])
})
