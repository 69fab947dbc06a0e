import { createElement, Fragment } from 'react'
import t, { type Test } from 'tap'
import { useMessages, usePresence, type MessageListResult, type MessagesResult } from '../../../lib/react/index.ts'
import type { chat } from '../../../routes/chat/chat.contract.ts'
import { at, ChatApp, posted } from '../../support/react/chat-app.ts'

function List ({ room = 'lobby', limit = 1000 }: { room?: string, limit?: number }) {
  const { messages, status } = useMessages('chat/:room', { room }, { types: ['message.posted'], limit })
  return `${status}: ${messages.map(({ payload, entry }) => `${payload.text} ${entry.offset}`).join(', ')}`
}

async function joined (t: Test, component: typeof List, ack: object = at(0)) {
  const app = new ChatApp(t, { isStrict: true })
  await app.render(component)
  await app.accept()
  await app.ack(ack)
  return app
}

t.test('react: the messages are those of the history, then the new ones', async (t) => {
  const app = await joined(t, List, { ...at(2), messages: [posted(1), posted(2)] })
  t.equal(app.text, 'joined: text 1 1, text 2 2')
  await app.say(posted(3))
  t.equal(app.text, 'joined: text 1 1, text 2 2, text 3 3')
})

t.test('react: after a reconnect missed messages follow; after a resync the list starts again', async (t) => {
  const app = await joined(t, List, { ...at(1), messages: [posted(1)] })
  await app.act(() => app.network.last.end(1006))
  await app.accept()
  await app.ack({ ...at(2), recovered: true, messages: [posted(2)] })
  t.equal(app.text, 'joined: text 1 1, text 2 2')
  await app.say({ type: 'resync', payload: { ...at(9), reason: 'slow', messages: [posted(9)] } })
  t.equal(app.text, 'joined: text 9 9')
})

t.test('react: another channel begins with an empty list', async (t) => {
  const app = await joined(t, List, { ...at(1), messages: [posted(1)] })
  await app.render(List, { room: 'tea' })
  t.equal(app.text, 'joining: ')
  await app.ack({ ...at(0), messages: [] })
  await app.say(posted(2))
  t.equal(app.text, 'joined: ', 'messages of the old channel are not shown')
})

t.test('react: a list keeps the newest messages up to its limit', async (t) => {
  const app = await joined(t, () => List({ limit: 2 }), { ...at(3), messages: [posted(1), posted(2), posted(3)] })
  t.equal(app.text, 'joined: text 2 2, text 3 3')
})

t.test('react: loadOlder puts older messages of the types in front, each once', async (t) => {
  let result: MessageListResult<typeof chat.definition, 'message.posted'>
  const app = await joined(t, () => {
    result = useMessages('chat/:room', { room: 'lobby' }, { types: ['message.posted'] })
    return result.messages.map(({ entry }) => entry.offset).join()
  }, { ...at(9), messages: [posted(8), posted(9)] })
  const payloads = () => app.network.last.sent.filter(({ type }) => type === 'history').map(({ payload }) => payload)
  const answer = (hasMore: boolean, ...messages: object[]) =>
    app.act(() => app.network.last.ack('history', { position: at(9), messages, hasMore }))
  const other = { ...posted(7), type: 'room.renamed' }

  const loading = [result!.loadOlder(2), result!.loadOlder(2)]
  t.strictSame(payloads(), [{ before: 8, limit: 2, epoch: 'e' }, { before: 8, limit: 2, epoch: 'e' }])
  const [first] = app.network.last.sent.filter(({ type }) => type === 'history')
  await app.act(() => app.network.last.say({
    ...first, type: 'ack', payload: { position: at(9), messages: [posted(6), other], hasMore: true }
  }))
  t.equal(await loading[0], true)
  t.equal(app.text, '6,8,9')
  await answer(true, posted(6), other)
  t.strictSame(payloads().at(-1), { before: 6, limit: 2, epoch: 'e' }, 'the other call goes on')
  await answer(false, { ...other, offset: 4 }, { ...other, offset: 5 })
  t.equal(await loading[1], false)
  t.equal(app.text, '6,8,9')
  const { loadOlder } = result!
  await app.say(posted(10))
  t.equal(result!.loadOlder, loadOlder, 'it stays the same function')
  t.equal(app.text, '6,8,9,10')
  await app.say({ type: 'left', payload: { code: 'over' } })
  t.equal(await result!.loadOlder(), true, 'nothing happens outside the channel')
})

t.test('react: loadOlder of an empty list begins with the newest messages', async (t) => {
  let result: MessageListResult<typeof chat.definition, 'message.posted'>
  const app = await joined(t, () => {
    result = useMessages('chat/:room', { room: 'lobby' }, { types: ['message.posted'] })
    return result.messages.map(({ entry }) => entry.offset).join()
  }, { ...at(2), messages: [] })
  const loading = result!.loadOlder()
  t.strictSame(app.network.last.latest('history')?.payload, { before: 3, epoch: 'e' })
  await app.act(() => app.network.last.ack('history', { messages: [posted(1), posted(2)], hasMore: false }))
  t.strictSame([await loading, app.text], [false, '1,2'])
})

t.test('react: a reducer makes any state of the messages, and listeners get them too', async (t) => {
  const seen: string[] = []
  const app = await joined(t, () => {
    const { messages } = useMessages('chat/:room', { room: 'lobby' }, {
      types: ['message.posted', 'typing.changed'],
      initial: { texts: 0, typing: new Array<string>() },
      reset: ({ position }) => ({ texts: position.offset * 10, typing: [] }),
      reduce: (state, message) => message.type === 'message.posted'
        ? { ...state, texts: state.texts + 1 }
        : { ...state, typing: [...state.typing, message.payload.name] },
      on: { 'message.posted': ({ text }, { offset }) => seen.push(`${text} ${offset}`) }
    })
    return `${messages.texts} ${messages.typing.join()}`
  }, { ...at(1), messages: [posted(1)] })
  t.equal(app.text, '11 ')
  await app.say({ type: 'typing.changed', payload: { name: 'Bob' } })
  t.equal(app.text, '11 Bob')
  t.strictSame(seen, ['text 1 1'])
})

t.test('react: without reset a resync brings the initial state back', async (t) => {
  const Count = () => `${useMessages('chat/:room', { room: 'lobby' }, {
    types: ['message.posted'], initial: 100, reduce: (count) => count + 1
  }).messages}`
  const app = await joined(t, Count, { ...at(1), messages: [posted(1)] })
  t.equal(app.text, '101')
  await app.say({ type: 'resync', payload: { ...at(9), reason: 'slow', messages: [] } })
  t.equal(app.text, '100')
})

t.test('react: enabled: false keeps no messages', async (t) => {
  let result: MessagesResult<typeof chat.definition, unknown> | undefined
  const app = new ChatApp(t)
  await app.render(() => {
    result = useMessages('chat/:room', { room: 'lobby' }, { types: ['message.posted'], enabled: false })
    return null
  })
  await app.accept()
  t.match(result, { status: 'disabled', messages: [] })
  t.strictSame(app.sent, [])
})

t.test('react: presence is undefined before the join, and then the latest list', async (t) => {
  const Names = () => {
    const { channel } = useMessages('chat/:room', { room: 'lobby' }, { types: ['message.posted'] })
    const present = usePresence(channel)
    return createElement(Fragment, null, present?.map(({ data }) => data.name).join() ?? 'unknown')
  }
  const app = new ChatApp(t, { isStrict: true })
  await app.render(Names)
  await app.accept()
  t.equal(app.text, 'unknown')
  await app.ack({ ...at(0), presence: [{ user: 'u1', data: { name: 'Ada' } }] })
  t.equal(app.text, 'Ada')
  await app.say({ type: 'presence', payload: { joined: [{ user: 'u2', data: { name: 'Bob' } }] } })
  t.equal(app.text, 'Ada,Bob')
})
