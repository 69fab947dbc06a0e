import { describe, expect, test } from 'tstyche'
import {
  connect, RequestError, type UntypedClient, type EntryInfo, type FailureCode, type Present, type PresenceCount,
  type ClientState
} from '../../lib/client/index.ts'
import type { Position } from '../../lib/protocol/position.ts'
import type { ResyncReason } from '../../lib/protocol/recoverability.ts'
import { account, chat, doc, metrics, news, stadium } from '../support/types/chat/chat.contract.ts'

type Chat = typeof chat.definition

const client = connect<typeof chat | typeof news | typeof account>('wss://example.com/ws')
const docs = connect<typeof doc | typeof metrics>('wss://example.com/ws')
const lobby = client.join('chat/:room', { room: 'lobby' })

describe('a client', () => {
  test('joins by pattern and by contract', async () => {
    const byContract = client.join(chat, { room: 'lobby' })
    expect(byContract).type.toBe<typeof lobby>()
    expect((await client.join('news')).address).type.toBe<string>()
    expect((await client.join(news)).send('vote', 1)).type.toBe<Promise<number>>()
  })

  test('of one contract needs no union', async () => {
    const channel = await connect<typeof news>('/ws').join('news')
    channel.on('item', (payload) => { expect(payload).type.toBe<string>() })
  })

  test('sends with a typed reply', async () => {
    const channel = await lobby
    expect(channel.send('message.send', { text: 'hello' })).type.toBe<Promise<{ id: string }>>()
    expect(channel.send('typing', { active: true })).type.toBe<Promise<void>>()
    expect(client.send('whoami')).type.toBe<Promise<{ id: string }>>()
  })

  test('listens with typed payloads', async () => {
    const channel = await lobby
    channel.on(
      'message.posted', (payload) => { expect(payload).type.toBe<{ id: string, text: string, from: string }>() }
    )
    channel.on('closing', (payload) => { expect(payload).type.toBe<undefined>() })
    client.on('notice', ({ text }) => { expect(text).type.toBe<string>() })
  })

  test('narrows one error by its code', async () => {
    const channel = await lobby
    const error: unknown = undefined
    if (channel.isError(error, 'message.send', 'muted')) {
      expect(error).type.toBe<RequestError<'muted', { until: number }>>()
      expect(error.data.until).type.toBe<number>()
    }
  })

  test('switches over the errors of a message', async () => {
    const channel = await lobby
    const error: unknown = undefined
    if (!channel.isError(error, 'message.send')) return
    switch (error.code) {
      case 'muted': return expect(error.data).type.toBe<{ until: number }>()
      case 'full': return expect(error.data).type.toBe<{ limit: number }>()
      default: expect(error).type.toBe<never>()
    }
  })

  test('tries to send, and gets the reply or the error', async () => {
    const sent = await (await lobby).trySend('message.send', { text: 'hello' })
    if (sent.ok) return expect(sent.reply).type.toBe<{ id: string }>()
    expect(sent.error.code).type.toBe<'muted' | 'full' | FailureCode>()
    if (sent.error.code === 'muted') expect(sent.error.data).type.toBe<{ until: number }>()
  })

  test('is handed the channels that the server adds', () => {
    client.onJoined('chat/:room', (channel) => {
      expect(channel).type.toBe<Awaited<typeof lobby>>()
    })
    client.onJoined(news, (channel) => { channel.on('item', (text) => { expect(text).type.toBe<string>() }) })
    docs.onJoined('doc/:id', (channel) => {
      channel.onResync(({ snapshot }) => { expect(snapshot?.state).type.toBe<{ text: string } | undefined>() })
    })
    // @ts-expect-error Argument of type '"nowhere"' is not assignable to parameter of type '"chat/:room"
    client.onJoined('nowhere', () => {})
    // @ts-expect-error Property 'presence' is missing in type..."doc/:id"
    client.onJoined(doc, () => {})
    const untyped: UntypedClient = connect('/ws')
    untyped.onJoined(chat, (channel) => { channel.send('typing', { active: true }) })
    untyped.onJoined('any/:id', (channel) => {
      channel.on('any', (payload) => { expect(payload).type.toBe<unknown>() })
    })
  })

  test('reads older messages with their types', async () => {
    const { messages } = await (await docs.join('doc/:id', { id: '1' }, { onResync: 'ignore' })).history({ limit: 5 })
    for (const message of messages) {
      expect(message.type).type.toBe<'edited'>()
      expect(message.payload).type.toBe<string>()
    }
    const untyped: UntypedClient = connect('/ws')
    const { messages: any } = await (await untyped.join('any/:id', { id: '1' })).history()
    expect(any[0]?.payload).type.toBe<unknown>()
    expect((await (await lobby).history()).messages).type.toBe<readonly never[]>()
  })

  test('has a typed presence list', async () => {
    const channel = await lobby
    expect(channel.presence).type.toBe<ReadonlyArray<Present<Chat>>>()
    channel.onPresence((present, change) => {
      expect(present[0]?.data).type.toBe<{ name: string } | undefined>()
      expect(change?.left).type.toBe<readonly string[] | undefined>()
    })
  })

  test('has a number of users where the contract says so', async () => {
    const channel = await connect<typeof stadium>('/ws').join(stadium)
    expect(channel.presence).type.toBe<PresenceCount>()
    channel.onPresence(({ count }) => { expect(count).type.toBe<number>() })
  })

  test('gets the snapshot and the position of a channel with a history in onResync', () => {
    docs.join('doc/:id', { id: '1' }, {
      onResync: ({ reason, snapshot, position }) => {
        expect(reason).type.toBe<ResyncReason>()
        expect(snapshot).type.toBe<{
          readonly offset: number
          readonly hash: string
          readonly state: { text: string }
        } | undefined>()
        expect(position).type.toBe<Position>()
      }
    })
    docs.join('doc/:id', { id: '1' }, { onResync: 'ignore' })
    docs.join(metrics, {}, { onResync: ({ snapshot }) => { expect(snapshot?.state).type.toBe<undefined>() } })
  })

  test('gets the entry of a persistent message with it', async () => {
    const channel = await docs.join(doc, { id: '1' }, { onResync: () => {} })
    channel.on('edited', (payload, entry) => {
      expect(payload).type.toBe<string>()
      expect(entry).type.toBe<EntryInfo>()
    })
    channel.on('edited', (payload) => { expect(payload).type.toBe<string>() })
    channel.on('moved', (payload) => { expect(payload).type.toBe<number>() })
    expect(channel.onRecovered(() => {})).type.toBe<() => void>()
    expect(docs.state).type.toBe<ClientState>()
  })

  test('without contracts takes any message and returns unknown', async () => {
    const untyped = connect('wss://example.com/ws')
    expect(untyped).type.toBe<UntypedClient>()
    const channel = await untyped.join('chat/:room', { room: 'lobby' })
    expect(channel.send('anything', { at: 'all' })).type.toBe<Promise<unknown>>()
    await untyped.join(
      'doc/:id', { id: '1' }, { onResync: ({ snapshot }) => { expect(snapshot?.state).type.toBe<unknown>() } }
    )
    channel.on('anything', (payload, entry) => { expect(entry).type.toBe<EntryInfo | undefined>() })
    const typed = await untyped.join(chat, { room: 'lobby' })
    expect(typed.send('message.send', { text: 'hello' })).type.toBe<Promise<{ id: string }>>()
  })
})

describe('a client does not compile', () => {
  test('with a type that is not declared', async () => {
    const channel = await lobby
    // @ts-expect-error Argument of type '"message.sent"' is not assignable to parameter of type
    channel.send('message.sent', { text: 'hello' })
    // @ts-expect-error Argument of type '"message.post"' is not assignable to parameter of type
    channel.on('message.post', () => {})
    // @ts-expect-error Argument of type '"whoareyou"' is not assignable to parameter of type '"whoami"'
    client.send('whoareyou')
    // @ts-expect-error Expected 2-3 arguments, but got 1
    connect<typeof chat>('/ws').send('whoami')
  })

  test('with another payload', async () => {
    const channel = await lobby
    // @ts-expect-error 'body' does not exist in type '{ text: string; }'
    channel.send('message.send', { body: 'hello' })
    // @ts-expect-error Type 'number' is not assignable to type 'string'
    channel.trySend('message.send', { text: 1 })
    // @ts-expect-error Expected 2-3 arguments, but got 1
    channel.send('message.send')
    // @ts-expect-error Argument of type '{ id: string; }' is not assignable to parameter of type 'undefined'
    client.send('whoami', { id: '1' })
  })

  test('with another reply or message than declared', async () => {
    const channel = await lobby
    // @ts-expect-error Property 'key' does not exist on type '{ id: string; }'
    channel.send('message.send', { text: 'hello' }).then(({ key }) => key)
    // @ts-expect-error Property 'author' does not exist on type
    channel.on('message.posted', ({ author }) => author)
  })

  test('with a pattern or a contract that is not of this route', () => {
    // @ts-expect-error Argument of type '"chats/:room"' is not assignable to parameter of type '"chat/:room"
    client.join('chats/:room', { room: 'lobby' })
    // @ts-expect-error Argument of type '"chat/lobby"' is not assignable to parameter of type '"chat/:room"
    client.join('chat/lobby')
    // @ts-expect-error Expected 2-3 arguments, but got 1
    connect<typeof chat>('/ws').join(news)
    // @ts-expect-error type '"docs/:id"' is not assignable to parameter of type '"doc/:id" | Channel<
    connect<typeof doc>('/ws').join('docs/:id', { id: '1' }, { onResync: 'ignore' })
  })

  test('with other params', () => {
    // @ts-expect-error Expected 2-3 arguments, but got 1
    client.join('chat/:room')
    // @ts-expect-error Type 'string' is not assignable to type 'never'
    client.join('news', { room: 'lobby' })
    // @ts-expect-error 'topic' does not exist in type '{ room: string; }'
    client.join('chat/:room', { topic: 'lobby' })
    // @ts-expect-error Type 'number' is not assignable to type 'string'
    client.join(chat, { room: 1 })
  })

  test('without onResync for a channel with a history, or with it for one without', () => {
    // @ts-expect-error parameter of type '"'doc/:id' has a history: pass { onResync } as the third argument of join"'
    docs.join('doc/:id', { id: '1' })
    // @ts-expect-error parameter of type '"'metrics' has a history: pass { onResync } as the third argument of join"'
    docs.join(metrics)
    // @ts-expect-error parameter of type '"'metrics' has a history: pass { onResync } as the third argument of join"'
    docs.join('metrics')
    // @ts-expect-error No overload matches this call...pass { onResync } as the third argument of join
    docs.join('doc/:id', { id: '1' }, {})
    // @ts-expect-error No overload matches this call...'onResync' does not exist in type
    client.join('chat/:room', { room: 'lobby' }, { onResync: () => {} })
    // @ts-expect-error No overload matches this call...'onResync' does not exist in type
    client.join('news', {}, { onResync: () => {} })
  })

  test('with the entry of an ephemeral message', async () => {
    const channel = await docs.join('doc/:id', { id: '1' }, { onResync: () => {} })
    // @ts-expect-error Target signature provides too few arguments
    channel.on('moved', (payload: number, entry: EntryInfo) => entry)
    const other = await lobby
    // @ts-expect-error Target signature provides too few arguments
    other.on('closing', (payload: undefined, entry: EntryInfo) => entry)
  })

  test('with an error that the message does not declare', async () => {
    const channel = await lobby
    // @ts-expect-error Argument of type '"banned"' is not assignable to parameter of type...muted
    channel.isError(undefined, 'message.send', 'banned')
    // @ts-expect-error parameter of type '"'typing' declares no errors"'
    channel.isError(undefined, 'typing', 'muted')
  })
})
