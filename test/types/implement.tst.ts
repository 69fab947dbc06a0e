import { describe, expect, test } from 'tstyche'
import type { HistoryMessage, SentSnapshot } from '../../lib/protocol/history.ts'
import { Behind, handler, implement, type ImplementedChannel, type RoomsService } from '../../plugins/channels.ts'
import type { DemoUser } from '../../routes/token.routes.ts'
import { account, chat, doc, metrics, news, stadium } from '../support/types/chat/chat.contract.ts'
import * as on from '../support/types/chat/on.ts'

const presence = () => ({ name: 'Ada' })
const typing = () => {}
const send = () => ({ id: '1' })

describe('an implementation', () => {
  test('infers contexts, payloads and replies from the contract', () => {
    implement(chat, {
      authorize: (ctx) => ctx.params.room === 'lobby',
      presence: (ctx) => ({ name: ctx.user.name }),
      joined: (ctx) => ctx.send('closing'),
      left: (ctx, reason) => {
        expect(ctx.params).type.toBe<{ room: string }>()
        expect(reason).type.toBe<'left' | 'removed' | 'disconnected'>()
      },
      on: {
        'message.send': async (ctx, { text }) => {
          expect(text).type.toBe<string>()
          expect(ctx.messageId).type.toBe<string>()
          expect(ctx.signal).type.toBe<AbortSignal>()
          if (ctx.state['muted']) throw ctx.error('muted', { until: 1 })
          await ctx.broadcast('message.posted', { id: ctx.messageId, text, from: ctx.user.sub })
          return { id: ctx.messageId }
        },
        typing: (ctx, { active }) =>
          ctx.broadcast('typing.changed', { userId: ctx.user.sub, active }, { except: ctx.connection })
      }
    })
  })

  test("knows users as the application's token does", () => {
    implement(news, { on: { vote: (ctx) => { expect(ctx.user).type.toBe<DemoUser>(); return 1 } } })
  })

  test('takes handlers from files of their own', () => {
    expect(implement(chat, { presence, on })).type.toBe<ImplementedChannel>()
  })

  test('sends a message without a payload by its type alone', () => {
    handler(chat, 'typing', (ctx) => {
      ctx.send('closing')
      expect(ctx.broadcast('closing')).type.toBe<Promise<void>>()
      expect(ctx.broadcast('closing', undefined, { except: ctx.connection })).type.toBe<Promise<void>>()
    })
  })

  test('appends to a history after a position, with a snapshot as the contract declares it', () => {
    handler(doc, 'edit', async (ctx, text) => {
      const { epoch, offset, hash, id } = await ctx.broadcast('edited', text)
      expect(id).type.toBe<string>()
      const after = { epoch, offset, hash }
      expect(
        ctx.append('edited', text, { after, snapshot: { text } })
      ).type.toBeAssignableTo<Promise<{ offset: number }>>()
      expect(ctx.broadcast('moved', 1, { except: ctx.connection })).type.toBe<Promise<void>>()
    })
  })

  test('of a history is read and appended to from anywhere', async () => {
    const room = ({} as RoomsService).of(doc, { id: '1' })
    const { position, messages, snapshot } = await room.read()
    expect(messages[0]).type.toBe<HistoryMessage<'edited', string> | undefined>()
    expect(snapshot).type.toBe<SentSnapshot<{ text: string }> | undefined>()
    expect(room.append('edited', '', { after: position })).type.toBeAssignableTo<Promise<{ id: string }>>()
    expect(new Behind({ position, messages }).position).type.toBe<typeof position>()
    const error: unknown = {}
    if (room.isBehind(error)) {
      expect(error.messages[0]?.payload).type.toBe<string | undefined>()
      expect(error.snapshot?.state).type.toBe<{ text: string } | undefined>()
      expect(error.code).type.toBe<string>()
    }
  })

  test('gives the presence data also where members learn only the number', () => {
    implement(stadium, { presence: () => ({ seat: 1 }), on: {} })
    // @ts-expect-error Property 'presence' is missing
    implement(stadium, { on: {} })
  })

  test('of a connection has neither params nor presence', () => {
    implement(account, {
      on: {
        whoami: (ctx, payload) => {
          expect(payload).type.toBe<undefined>()
          expect(ctx.params).type.toBe<{}>()
          ctx.send('notice', { text: 'hello' })
          return { id: ctx.connection.id }
        }
      }
    })
  })
})

describe('an implementation does not compile', () => {
  test('without a handler', () => {
    // @ts-expect-error Property 'typing' is missing in type
    implement(chat, { presence, on: { 'message.send': send } })
  })

  test('without the file of a handler', () => {
    const { typing, ...rest } = on
    // @ts-expect-error Property 'typing' is missing in type
    implement(chat, { presence, on: rest })
    expect(typing).type.not.toBe<undefined>()
  })

  test('with a handler whose name is misspelt', () => {
    implement(chat, {
      presence,
      on: {
        'message.send': send,
        typing,
        // @ts-expect-error 'typign' does not exist in type
        typign: typing
      }
    })
    // @ts-expect-error Argument of type '"message.sent"' is not assignable to parameter of type '"message.send" |
    // "typing"'
    handler(chat, 'message.sent', () => {})
  })

  test('with a handler that takes another payload', () => {
    implement(chat, {
      presence,
      on: {
        // @ts-expect-error Property 'body' is missing in type '{ text: string; }' but required in type '{ body: string;
        // }'
        'message.send': (ctx, { body }: { body: string }) => ({ id: body }),
        // @ts-expect-error Property 'activ' does not exist on type '{ active: boolean; }'
        typing: (ctx, { activ }) => {}
      }
    })
  })

  test('with a handler that returns another reply', () => {
    implement(chat, {
      presence,
      on: {
        // @ts-expect-error Type 'number' is not assignable to type 'string'
        'message.send': () => ({ id: 1 }),
        typing
      }
    })
    implement(news, {
      on: {
        // @ts-expect-error Type 'undefined' is not assignable to type 'number'
        vote: async () => undefined
      }
    })
    // @ts-expect-error Property 'id' is missing in type '{}' but required in type '{ id: string; }'
    handler(chat, 'message.send', async () => ({}))
  })

  test('with an error that the message does not declare', () => {
    handler(chat, 'message.send', (ctx) => {
      // @ts-expect-error Argument of type '"banned"' is not assignable to parameter of type...muted
      throw ctx.error('banned', { until: 1 })
    })
    handler(chat, 'typing', (ctx) => {
      // @ts-expect-error Argument of type '"muted"' is not assignable to parameter of type 'never'
      throw ctx.error('muted', { until: 1 })
    })
  })

  test('with the data of another error', () => {
    handler(chat, 'message.send', (ctx) => {
      // @ts-expect-error 'limit' does not exist in type '{ until: number; }'
      throw ctx.error('muted', { limit: 1 })
    })
    handler(chat, 'message.send', (ctx) => {
      // @ts-expect-error Type 'string' is not assignable to type 'number'
      throw ctx.error('muted', { until: 'tomorrow' })
    })
  })

  test('with a broadcast of a type that is not declared', () => {
    handler(chat, 'typing', (ctx) =>
      // @ts-expect-error Argument of type '"message.edited"' is not assignable to parameter of type 'ServerMessageType<
      ctx.broadcast('message.edited', { id: '1' }))
    handler(chat, 'typing', (ctx) =>
      // @ts-expect-error Argument of type '"typing"' is not assignable to parameter of type...message.posted
      // "typing.changed" | "closing"'
      ctx.send('typing', { active: true }))
  })

  test('with a broadcast of another payload', () => {
    handler(chat, 'typing', (ctx) =>
      // @ts-expect-error Type 'string' is not assignable to type 'boolean'
      ctx.broadcast('typing.changed', { userId: '1', active: 'yes' }))
    handler(chat, 'typing', (ctx) =>
      // @ts-expect-error Property 'from' is missing in type '{ id: string; text: string; }'
      ctx.broadcast('message.posted', { id: '1', text: 'hi' }))
    handler(chat, 'typing', (ctx) =>
      // @ts-expect-error Expected 2 arguments, but got 1
      ctx.send('message.posted'))
  })

  test('with options for the broadcast of a persistent message', () => {
    handler(doc, 'edit', async (ctx, text) => {
      // @ts-expect-error Expected 2 arguments, but got 3
      await ctx.broadcast('edited', text, { except: ctx.connection })
      // @ts-expect-error Expected 2 arguments, but got 3
      await ctx.broadcast('edited', text, { after: { epoch: '', offset: 0, hash: '' } })
    })
  })

  test('with an append of an ephemeral message, or without a position', () => {
    handler(doc, 'edit', async (ctx, text) => {
      const after = { epoch: '', offset: 0, hash: '' }
      // @ts-expect-error Argument of type '"moved"' is not assignable to parameter of type '"edited"'
      await ctx.append('moved', 1, { after })
      // @ts-expect-error 'after' does not exist in type 'BroadcastOptions'
      await ctx.broadcast('moved', 1, { after })
      // @ts-expect-error Expected 3 arguments, but got 2
      await ctx.append('edited', text)
      // @ts-expect-error Property 'after' is missing in type
      await ctx.append('edited', text, { snapshot: { text } })
    })
    handler(chat, 'typing', async (ctx) => {
      // @ts-expect-error Argument of type '"closing"' is not assignable to parameter of type 'never'
      await ctx.append('closing', undefined, { after: { epoch: '', offset: 0, hash: '' } })
    })
  })

  test('with a snapshot that the contract does not declare', async () => {
    const position = { epoch: '', offset: 0, hash: '' }
    // @ts-expect-error Type 'string' is not assignable to type '{ text: string; }'
    await ({} as RoomsService).of(doc, { id: '1' }).append('edited', '', { after: position, snapshot: 'text' })
    // @ts-expect-error Type 'string' is not assignable to type 'never'
    await ({} as RoomsService).of(metrics).append('changed', 1, { after: position, snapshot: 'text' })
  })

  test('with a param that the pattern does not name', () => {
    // @ts-expect-error Property 'topic' does not exist on type '{ room: string; }'
    implement(chat, { presence, on, authorize: (ctx) => ctx.params.topic === 'lobby' })
  })

  test('without the presence that the contract declares', () => {
    // @ts-expect-error Property 'presence' is missing in type...but required in type 'PresenceBehaviour<
    implement(chat, { on })
  })

  test('with another presence than the contract declares', () => {
    // @ts-expect-error Type 'number' is not assignable to type 'string'
    implement(chat, { on, presence: () => ({ name: 1 }) })
  })

  test('with a presence that the contract does not declare', () => {
    // @ts-expect-error Type '() => { name: string; }' is not assignable to type 'never'
    implement(news, { presence, on: { vote: () => 1 } })
  })

  test('with a behaviour that there is not', () => {
    // @ts-expect-error 'onJoin' does not exist in type
    implement(news, { onJoin: () => {}, on: { vote: () => 1 } })
  })
})
