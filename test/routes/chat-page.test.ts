import t from 'tap'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { chat } from '../../routes/chat/chat.contract.ts'
import { MessageList, type Posted } from '../../routes/chat/page/message-list.ts'
import type { RoomChannel } from '../../routes/chat/page/connect.ts'
import { isRoomName, roomName } from '../../routes/chat/page/room-name.ts'
import { Room } from '../../routes/chat/page/room.ts'
import { TypingSender } from '../../routes/chat/page/typing-sender.ts'
import { typingLine, TypingWatch } from '../../routes/chat/page/typing-watch.ts'

const me = { user: 'u-ada', name: 'Ada' }
const own = (text: string) => ({ from: 'u-ada', name: 'Ada', text, at: 1 })
const posted = (id: string, text: string, from = 'u-ada'): Posted => ({ id, from, name: from, text, at: 2 })
const lines = (list: MessageList) => list.entries.map(({ text, delivery, id }) => [text, delivery, id])

t.test('message list: the user\'s own message shows at once and is confirmed by its ack', async (t) => {
  const list = new MessageList()
  const key = list.sending(own('hi'))
  t.strictSame(lines(list), [['hi', 'sending', undefined]])
  list.confirmed(key, 'm1')
  t.strictSame(lines(list), [['hi', 'sent', 'm1']])
  t.equal(list.posted(posted('m1', 'hi'), 1), false, 'the broadcast afterwards is no news')
  t.equal(list.entries.length, 1)
})

t.test('message list: the broadcast may come before the ack', async (t) => {
  const list = new MessageList()
  const key = list.sending(own('hi'))
  t.equal(list.posted(posted('m1', 'hi'), 1), false)
  t.strictSame(lines(list), [['hi', 'sent', 'm1']])
  t.equal(list.entries[0]?.key, key, 'the line on the page stays the same one')
  list.confirmed(key, 'm1')
  list.failed(key)
  t.strictSame(lines(list), [['hi', 'sent', 'm1']], 'a reply lost afterwards changes nothing')
})

t.test('message list: the same text twice is two messages', async (t) => {
  const list = new MessageList()
  const first = list.sending(own('hi'))
  const second = list.sending(own('hi'))
  list.posted(posted('m1', 'hi'), 1)
  t.strictSame(lines(list), [['hi', 'sent', 'm1'], ['hi', 'sending', undefined]])
  list.confirmed(first, 'm1')
  list.posted(posted('m2', 'hi'), 1)
  list.confirmed(second, 'm2')
  t.strictSame(lines(list), [['hi', 'sent', 'm1'], ['hi', 'sent', 'm2']])
})

t.test('message list: a text that the server changed is not shown twice', async (t) => {
  const list = new MessageList()
  const key = list.sending(own('darn'))
  list.posted(posted('m1', '****'), 1)
  list.confirmed(key, 'm1')
  t.strictSame(lines(list), [['****', 'sent', 'm1']])
})

t.test('message list: unconfirmed messages stay at the end', async (t) => {
  const list = new MessageList()
  list.sending(own('mine'))
  t.equal(list.posted(posted('m1', 'theirs', 'u-bob'), 1), true)
  t.strictSame(list.entries.map((e) => e.text), ['theirs', 'mine'])
})

t.test('message list: a failed message is retried, discarded, or turns out to have arrived', async (t) => {
  const list = new MessageList()
  const key = list.sending(own('hi'))
  const other = list.sending(own('oh'))
  list.failed(key)
  t.strictSame(lines(list), [['hi', 'failed', undefined], ['oh', 'sending', undefined]])
  list.discard(other)
  t.equal(list.retried(key), 'hi')
  t.strictSame(lines(list), [['hi', 'sending', undefined]])
  list.failed(key)
  list.posted(posted('m1', 'hi'), 1)
  t.strictSame(lines(list), [['hi', 'sent', 'm1']])
  t.equal(list.retried(key), undefined)
})

t.test('message list: after a resync history is not unread and pending messages stay', async (t) => {
  const list = new MessageList()
  list.posted(posted('m1', 'old', 'u-bob'), 1)
  list.sending(own('mine'))
  list.begin(3)
  t.strictSame(lines(list), [['mine', 'sending', undefined]])
  t.equal(list.posted(posted('m2', 'said before', 'u-bob'), 2), false)
  t.equal(list.posted(posted('m3', 'said before too', 'u-bob'), 3), false)
  t.equal(list.posted(posted('m4', 'news', 'u-bob'), 4), true)
  t.strictSame(list.entries.map((e) => e.text), ['said before', 'said before too', 'news', 'mine'])
})

t.test('message list: the oldest of very many messages are dropped', async (t) => {
  const list = new MessageList()
  for (let i = 0; i <= 500; i++) list.posted(posted(`m${i}`, 'hi', 'u-bob'), 1)
  t.equal(list.entries.length, 500)
  t.equal(list.entries[0]?.id, 'm1')
})

function typingSender () {
  const clock = new FakeClock()
  const sent: [number, boolean][] = []
  const sender = new TypingSender(clock, (active) => sent.push([clock.now(), active]))
  return { clock, sent, sender }
}

t.test('typing sender: typing is sent at once and then at most every 3 s', async (t) => {
  const { clock, sent, sender } = typingSender()
  for (let i = 0; i < 70; i++) {
    sender.input('hello')
    clock.advance(100)
  }
  t.strictSame(sent, [[0, true], [3000, true], [6000, true]])
})

t.test('typing sender: a pause ends typing', async (t) => {
  const { clock, sent, sender } = typingSender()
  sender.input('h')
  clock.advance(1000)
  sender.input('he')
  clock.advance(60_000)
  t.strictSame(sent, [[0, true]])
})

t.test('typing sender: the end of typing is sent at once, and once', async (t) => {
  const { sent, sender } = typingSender()
  sender.stop()
  sender.input('h')
  sender.input('')
  sender.stop()
  sender.input('  ')
  t.strictSame(sent, [[0, true], [0, false]])
})

t.test('typing sender: typing that starts again is sent when the 3 s are over', async (t) => {
  const { clock, sent, sender } = typingSender()
  sender.input('h')
  sender.stop()
  clock.advance(1000)
  sender.input('a')
  sender.input('ab')
  t.strictSame(sent, [[0, true], [0, false]])
  clock.advance(2000)
  t.strictSame(sent, [[0, true], [0, false], [3000, true]])
})

t.test('typing sender: nothing is sent after the end', async (t) => {
  const { clock, sent, sender } = typingSender()
  sender.input('h')
  sender.stop()
  sender.input('h')
  sender.end()
  clock.advance(10_000)
  t.strictSame(sent, [[0, true], [0, false]])
  t.equal(clock.pending, 0)
})

t.test('typing watch: others show as typing until they stop, leave, or 6 s pass', async (t) => {
  const clock = new FakeClock()
  let changes = 0
  const watch = new TypingWatch(clock, () => changes++)
  watch.typing('b', 'Bob')
  watch.typing('c', 'Cleo')
  watch.typing('d', 'Dan')
  t.strictSame(watch.names, ['Bob', 'Cleo', 'Dan'])
  watch.stopped('b')
  watch.stopped('b')
  t.equal(changes, 4, 'a second stop changes nothing')
  watch.keep(new Set(['d']))
  t.strictSame(watch.names, ['Dan'])
  clock.advance(5999)
  watch.typing('d', 'Dan')
  clock.advance(5999)
  t.strictSame(watch.names, ['Dan'], 'a new sign counts anew')
  clock.advance(1)
  t.strictSame(watch.names, [])
  watch.typing('d', 'Dan')
  watch.end()
  t.equal(clock.pending, 0)
})

t.test('typing watch: the sentence about typists', async (t) => {
  t.equal(typingLine([]), '')
  t.equal(typingLine(['Bob']), 'Bob is typing…')
  t.equal(typingLine(['Bob', 'Cleo']), 'Bob and Cleo are typing…')
  t.equal(typingLine(['Bob', 'Cleo', 'Dan']), 'Several people are typing…')
})

/** A channel that the test plays the server of. */
function fakeChannel () {
  const listeners = new Map<string, (payload: unknown, entry: { offset: number }) => void>()
  const sends: {
    type: string
    payload: unknown
    resolve: (reply: unknown) => void
    reject: (error: Error) => void
  }[] = []
  const channel = {
    presence: [
      { user: 'u-bob', data: { name: 'Bob' } },
      { user: 'u-ada', data: { name: 'Ada' } },
      { user: 'u-abe', data: { name: 'Abe' } }
    ],
    on: (type: string, fn: (payload: unknown, entry: { offset: number }) => void) => listeners.set(type, fn),
    onPresence: (fn: () => void) => listeners.set('presence', fn),
    send: (type: string, payload: unknown) =>
      new Promise((resolve, reject) => sends.push({ type, payload, resolve, reject })),
    trySend: (type: string, payload: unknown) => channel.send(type, payload)
  }
  return {
    channel: channel as unknown as RoomChannel,
    presence: channel,
    sends,
    server: (type: string, payload?: unknown, offset = 1) => listeners.get(type)?.(payload, { offset })
  }
}

function aRoom () {
  const clock = new FakeClock()
  const fake = fakeChannel()
  const messages = new MessageList()
  const room = new Room('lobby', { channel: fake.channel, messages, me, clock })
  let changes = 0
  room.onChange(() => changes++)
  return { room, clock, ...fake, changes: () => changes }
}

t.test('room: it sends a message and confirms it', async (t) => {
  const { room, sends } = aRoom()
  room.typing.input('h')
  room.send('hi')
  t.strictSame(sends.map(({ type, payload }) => [type, payload]), [
    ['typing', { active: true }], ['typing', { active: false }], ['message.send', { text: 'hi' }]
  ])
  sends[2]?.resolve({ id: 'm1' })
  await settled()
  t.match(room.messages.entries, [{ text: 'hi', id: 'm1', delivery: 'sent' }])
})

t.test('room: messages that arrive before the room is shown are kept', async (t) => {
  const fake = fakeChannel()
  const room = new Room('lobby', { channel: fake.channel, messages: new MessageList(), me, clock: new FakeClock() })
  fake.server('message.posted', posted('m1', 'hi', 'u-bob'))
  t.equal(room.messages.entries.length, 1)
})

t.test('room: a refused message is marked and can be retried', async (t) => {
  const { room, sends } = aRoom()
  room.send('hi')
  sends[0]?.reject(new Error('rate_limited'))
  await settled()
  const [failed] = room.messages.entries
  t.match(failed, { delivery: 'failed' })
  room.retry(failed?.key ?? '')
  t.match(sends[1], { type: 'message.send', payload: { text: 'hi' } })
  sends[1]?.reject(new Error('rate_limited'))
  await settled()
  room.discard(failed?.key ?? '')
  room.retry(failed?.key ?? '')
  t.equal(room.messages.entries.length, 0)
  t.equal(sends.length, 2)
})

t.test('room: it counts the unread messages of others', async (t) => {
  const { room, server, changes } = aRoom()
  server('message.posted', posted('m1', 'hi', 'u-bob'))
  server('message.posted', posted('m1', 'hi', 'u-bob'))
  server('message.posted', posted('m2', 'mine, of another tab'))
  t.equal(room.unread, 1)
  t.equal(changes(), 3)
  room.look(true)
  server('message.posted', posted('m3', 'hi', 'u-bob'))
  t.equal(room.unread, 0)
  room.look(false)
  server('message.posted', posted('m4', 'hi', 'u-bob'))
  t.equal(room.unread, 1)
})

t.test('room: it knows who is present and who is typing', async (t) => {
  const { room, server, presence } = aRoom()
  t.strictSame(room.members.map(({ name }) => name), ['Ada', 'Abe', 'Bob'], 'oneself first')
  const typing = (userId: string, active: boolean) => server('typing.changed', { userId, name: userId, active })
  typing('u-ada', true)
  t.strictSame(room.typists.names, [], 'one knows that of oneself')
  typing('u-bob', true)
  typing('u-abe', true)
  typing('u-abe', false)
  t.strictSame(room.typists.names, ['u-bob'])
  server('message.posted', posted('m1', 'done', 'u-bob'))
  t.strictSame(room.typists.names, [], 'who spoke is done typing')
  typing('u-bob', true)
  presence.presence.shift()
  server('presence')
  t.strictSame(room.typists.names, [], 'who left cannot type')
})

t.test('room: it does not change after its end', async (t) => {
  const { room, server, clock, changes } = aRoom()
  server('typing.changed', { userId: 'u-bob', name: 'Bob', active: true })
  room.typing.input('h')
  room.end()
  t.equal(clock.pending, 0)
  const before = changes()
  server('message.posted', posted('m1', 'hi', 'u-bob'))
  t.equal(changes(), before)
})

t.test('room name: it accepts what people type', async (t) => {
  t.equal(roomName(' # Tea  Time '), 'tea-time')
  t.equal(roomName('lobby'), 'lobby')
})

t.test('room name: it allows what the contract allows', async (t) => {
  const { pattern } = chat.definition.params.properties.room
  for (const name of ['lobby', 'a-1', '', 'Tea', 'a/b', 'x'.repeat(40), 'x'.repeat(41)]) {
    t.equal(isRoomName(name), new RegExp(pattern ?? '').test(name), name)
  }
})

const settled = () => new Promise((resolve) => setImmediate(resolve))
