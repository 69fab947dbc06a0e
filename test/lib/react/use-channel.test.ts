import { act, createElement, Fragment, useState } from 'react'
import t from 'tap'
import { at, ChatApp, posted } from '../../support/react/chat-app.ts'
import { flushSync } from 'react-dom'
import { until } from '../../support/until.ts'
import { useChannel, type ChannelResult } from '../../../lib/react/index.ts'
import { chat } from '../../../routes/chat/chat.contract.ts'

type Room = ChannelResult<typeof chat.definition>

/** Shows the state of its room, and keeps what it was shown last. */
let shown: Room
function Lobby ({ room = 'lobby', enabled = true }: { room?: string, enabled?: boolean }) {
  shown = useChannel('chat/:room', { room }, { onResync: 'ignore', enabled })
  return `${shown.status} ${shown.channel?.address ?? shown.error?.code ?? ''}`.trim()
}

const Two = () => createElement(Fragment, null, createElement(Lobby), ', ', createElement(Lobby))

t.test('react: a mounted component is in its channel, an unmounted one has left it', async (t) => {
  const app = new ChatApp(t)
  await app.render(Lobby)
  t.equal(app.text, 'joining')
  await app.accept()
  t.strictSame(app.sent, ['join chat/lobby'])
  await app.ack()
  t.equal(app.text, 'joined chat/lobby')
  await app.render(() => 'gone')
  t.strictSame(app.sent, ['join chat/lobby', 'leave chat/lobby'])
})

t.test('react: a component shares the channel to which the server added the client', async (t) => {
  const app = new ChatApp(t)
  const handles: Array<{ leave (): Promise<void> }> = []
  app.client.onJoined('chat/:room', (handle) => { handles.push(handle) })
  await app.render(() => null)
  await app.accept()
  await app.say({ type: 'joined', payload: {} })
  await app.render(Lobby)
  t.equal(app.text, 'joined chat/lobby')
  await app.render(() => null)
  t.strictSame(app.sent, [], 'the handle of onJoined is still in')
  await app.act(() => { handles[0]?.leave() })
  t.strictSame(app.sent, ['leave chat/lobby'])
})

t.test('react: StrictMode joins once and ends joined', async (t) => {
  const app = new ChatApp(t, { isStrict: true })
  await app.render(() => null)
  await app.accept()
  await app.render(Lobby)
  await app.ack()
  t.strictSame(app.sent, ['join chat/lobby'])
  t.equal(app.text, 'joined chat/lobby')
  await app.render(() => null)
  t.strictSame(app.sent, ['join chat/lobby', 'leave chat/lobby'])
})

t.test('react: a join is ended when its component unmounts before the ack', async (t) => {
  const app = new ChatApp(t)
  await app.render(() => null)
  await app.accept()
  await app.render(Lobby)
  await app.render(() => null)
  t.strictSame(app.sent, ['join chat/lobby', 'leave chat/lobby'])
  await app.ack()
  await app.render(Lobby)
  t.strictSame(app.sent, ['join chat/lobby', 'leave chat/lobby', 'join chat/lobby'])
  t.strictSame(app.errors, [])
})

t.test('react: a component that unmounts in the moment of the ack leaves', async (t) => {
  const app = new ChatApp(t)
  const Parent = () => {
    const [isShown, show] = useState(true)
    return isShown ? createElement(Child, { end: () => flushSync(() => show(false)) }) : 'gone'
  }
  const Child = ({ end }: { end: () => void }) => useChannel('chat/:room', { room: 'lobby' }, { onResync: end }).status
  await app.render(Parent)
  await app.accept()
  await app.ack(at(0))
  t.equal(app.text, 'gone')
  t.strictSame(app.sent, ['join chat/lobby', 'leave chat/lobby'])
})

t.test('react: a component that is mounted and unmounted in one step sends nothing', async (t) => {
  const app = new ChatApp(t)
  const Parent = () => {
    const [isShown, setShown] = useState(false)
    show = (isShown) => flushSync(() => setShown(isShown))
    return isShown ? createElement(Lobby) : 'gone'
  }
  let show = (_isShown: boolean) => {}
  await app.render(Parent)
  await app.accept()
  await app.act(() => { for (let i = 0; i < 400; i++) show(i % 2 === 0) })
  t.strictSame(app.sent, [])
  await app.act(() => { for (let i = 0; i < 401; i++) show(i % 2 === 0) })
  t.strictSame(app.sent, ['join chat/lobby'])
})

t.test('react: a channel is given as its pattern or as its contract', async (t) => {
  const app = new ChatApp(t)
  await app.render(() => useChannel(chat, { room: 'lobby' }, { onResync: 'ignore' }).status)
  await app.accept()
  await app.ack()
  await app.render(Lobby)
  t.strictSame(app.sent[0], 'join chat/lobby')
})

t.test('react: two components on one channel share its membership', async (t) => {
  const app = new ChatApp(t, { isStrict: true })
  await app.render(Two)
  await app.accept()
  await app.ack()
  t.equal(app.text, 'joined chat/lobby, joined chat/lobby')
  t.strictSame(app.sent, ['join chat/lobby'])
  await app.render(Lobby)
  await app.ack()
  t.equal(app.text, 'joined chat/lobby')
  await app.render(() => null)
  t.equal(app.sent.filter((text) => text.startsWith('leave')).length, 1)
})

t.test('react: equal params and new listeners need no new join, and the latest listeners are called', async (t) => {
  const app = new ChatApp(t)
  const seen: string[] = []
  const Listening = ({ name, typing = false }: { name: string, typing?: boolean }) => {
    useChannel('chat/:room', { room: 'lobby' }, {
      on: {
        'message.posted': ({ text }, { offset }) => seen.push(`${name} ${text} ${offset}`),
        ...typing && { 'typing.changed': ({ active }: { active: boolean }) => seen.push(`${name} ${active}`) }
      },
      onResync: ({ reason }) => seen.push(`${name} ${reason}`)
    })
    return name
  }
  await app.render(Listening, { name: 'a' })
  await app.accept()
  await app.ack({ ...at(1), messages: [posted(1)] })
  await app.render(Listening, { name: 'b', typing: true })
  await app.say(posted(2))
  await app.say({ type: 'typing.changed', payload: { active: true } })
  await app.render(Listening, { name: 'c' })
  await app.say({ type: 'typing.changed', payload: { active: false } })
  await app.say({ type: 'resync', payload: { ...at(3), reason: 'slow', messages: [posted(3)] } })
  t.strictSame(seen, ['a fresh', 'a text 1 1', 'b text 2 2', 'b true', 'c slow', 'c text 3 3'])
  t.strictSame(app.sent, ['join chat/lobby'])
})

t.test('react: a component that listens to nothing joins too', async (t) => {
  const app = new ChatApp(t)
  await app.render(() => useChannel('chat/:room', { room: 'lobby' }, { onResync: 'ignore', on: {} }).status)
  await app.accept()
  await app.ack(at(0))
  t.equal(app.text, 'joined')
})

t.test('react: other params show the new channel at once, and the old one is left', async (t) => {
  const app = new ChatApp(t)
  await app.render(Lobby)
  await app.accept()
  await app.ack()
  await app.render(Lobby, { room: 'tea' })
  t.equal(app.text, 'joining')
  t.strictSame(app.sent.toSorted(), ['join chat/lobby', 'join chat/tea', 'leave chat/lobby'])
  await app.ack()
  t.equal(app.text, 'joined chat/tea')
})

t.test('react: enabled: false joins nothing, and leaves', async (t) => {
  const app = new ChatApp(t)
  await app.render(Lobby, { enabled: false, room: '' })
  await app.accept()
  t.equal(app.text, 'disabled')
  t.strictSame(app.sent, [])
  await app.render(Lobby)
  await app.ack()
  t.equal(app.text, 'joined chat/lobby')
  await app.render(Lobby, { enabled: false })
  t.equal(app.text, 'disabled')
  t.strictSame(app.sent, ['join chat/lobby', 'leave chat/lobby'])
})

t.test('react: a refused join is shown, and rejoin tries again', async (t) => {
  const app = new ChatApp(t)
  await app.render(Lobby)
  await app.accept()
  await app.act(() => app.network.last.refuse('join', { code: 'forbidden' }))
  t.equal(app.text, 'failed forbidden')
  await app.act(() => shown.rejoin())
  t.equal(app.text, 'joining')
  await app.act(() => shown.rejoin())
  await app.ack()
  t.equal(app.text, 'joined chat/lobby')
  t.strictSame(app.sent, ['join chat/lobby', 'join chat/lobby'])
})

t.test('react: a join over the rate limit is repeated after the time that the server says', async (t) => {
  const app = new ChatApp(t)
  await app.render(Lobby)
  await app.accept()
  await app.act(() => app.network.last.refuse('join', { code: 'rate_limited', retryAfter: 60_000 }))
  t.equal(app.text, 'failed rate_limited')
  await app.act(() => shown.rejoin())
  await app.act(() => app.network.last.refuse('join', { code: 'rate_limited', retryAfter: 1 }))
  await act(() => until(() => app.sent.length === 3))
  await app.ack()
  t.equal(app.text, 'joined chat/lobby')
})

t.test('react: invalid params are a failed join, which names the param', async (t) => {
  const app = new ChatApp(t)
  await app.render(Lobby, { room: 'a/b' })
  t.match(shown, { status: 'failed', error: { message: /invalid param 'room'/ } })
})

t.test('react: a component that was removed from its channel shows why, and can come back', async (t) => {
  const app = new ChatApp(t)
  await app.render(Lobby)
  await app.accept()
  await app.ack()
  await app.say({ type: 'left', payload: { code: 'forbidden' } })
  t.match(shown, { status: 'left', error: { code: 'forbidden', message: /chat\/lobby/ } })
  await app.act(() => shown.rejoin())
  await app.ack()
  t.equal(app.text, 'joined chat/lobby')
})

t.test('react: a join that failed without a connection is repeated when the client is open', async (t) => {
  const app = new ChatApp(t)
  app.client.close()
  await app.render(Lobby)
  t.equal(app.text, 'failed closed')
  app.client.open()
  await app.accept()
  await app.ack()
  t.equal(app.text, 'joined chat/lobby')
  await app.act(() => app.network.last.end(1006))
  t.equal(app.text, 'joined chat/lobby', 'a lost connection is no end of the membership')
  await app.accept()
  await app.ack()
  t.strictSame(app.sent, ['join chat/lobby'], 'the client itself joins again')
})
