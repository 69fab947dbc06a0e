import t from 'tap'
import { QueuedMessages, WaitingMessages, type MessageGroup } from '../../../lib/connection/sending/queued-messages.ts'
import type { ResyncSource } from '../../../lib/protocol/when-slow.ts'

type Source = ResyncSource & { readonly name: string }

const encoded = (text: string) => Buffer.from(text)

const sourceNamed = (name: string): Source => ({ name, resync: () => undefined })
const [a, b, c] = [sourceNamed('a'), sourceNamed('b'), sourceNamed('c')]

function waitingWith (...messages: Array<readonly [text: string, group?: MessageGroup]>): WaitingMessages {
  const waiting = new WaitingMessages()
  for (const [text, group] of messages) waiting.add(encoded(text), group)
  return waiting
}

const textsOf = (waiting: WaitingMessages) => waiting.takeAll().messages.map(String)

t.test('waiting messages: a removed group leaves the other messages in their order', async (t) => {
  const waiting = waitingWith(['first'], ['a1', a], ['other'], ['k1', 'key'], ['b1', b], ['a2', a], ['last'])
  waiting.removeGroup(a)
  waiting.removeGroup(c)
  waiting.removeGroup('key')
  waiting.removeGroup('never added')
  waiting.add(encoded('a3'), a)
  waiting.add(encoded('k2'), 'key')
  t.equal(waiting.bytes, 20)
  t.strictSame(textsOf(waiting), ['first', 'other', 'b1', 'last', 'a3', 'k2'])
  t.strictSame([waiting.bytes, waiting.isEmpty], [0, true], 'all messages were taken')
})

t.test('waiting messages: a removed group is empty at once, also when it is all there is', async (t) => {
  const waiting = waitingWith(['a1', 'a'])
  waiting.removeGroup('a')
  waiting.removeGroup('a')
  t.strictSame([waiting.bytes, waiting.isEmpty, textsOf(waiting)], [0, true, []])
})

t.test('waiting messages: without a removed message, the shared list is taken as it is', async (t) => {
  const [one, other] = [encoded('one'), encoded('other')]
  const waiting = new WaitingMessages()
  for (const bytes of [one, other]) waiting.add(bytes)
  t.equal(waiting.takeAll(), QueuedMessages.empty.with(one).with(other))
})

t.test('waiting messages: any order of adding and removing gives what a plain list gives', async (t) => {
  let seed = 1
  const random = (n: number) => (seed = seed * 48271 % 2147483647) % n
  for (let round = 0; round < 50; round++) {
    const waiting = new WaitingMessages()
    let expected: Array<{ text: string, group: MessageGroup | undefined }> = []
    for (let i = 0; i < 60; i++) {
      const group = [a, b, c, 'x', 'y', undefined][random(6)]
      const isRemoved = group !== undefined && (typeof group === 'string' || random(3) === 0)
      if (isRemoved) waiting.removeGroup(group)
      if (isRemoved) expected = expected.filter((message) => message.group !== group)
      if (!isRemoved || typeof group === 'string') {
        waiting.add(encoded(`${i}`), group)
        expected.push({ text: `${i}`, group })
      }
      if (waiting.bytes !== expected.map(({ text }) => text).join('').length) t.fail('the bytes differ')
    }
    t.strictSame(textsOf(waiting), expected.map(({ text }) => text), `round ${round}`)
  }
})

/** A message that counts how often anything is read from it, except when it is written. */
class CountedMessage {
  static visits = 0

  get length (): number {
    CountedMessage.visits++
    return 2
  }
}

t.test('waiting messages: replacing a message visits as many messages with 1,000 waiting as with 10,000', async (t) => {
  const visitsAt = (n: number) => {
    const waiting = new WaitingMessages()
    const push = (key: string) => {
      waiting.removeGroup(key)
      waiting.add(new CountedMessage() as unknown as Buffer, key)
    }
    for (let i = 0; i < n; i++) push(`user ${i}`)
    CountedMessage.visits = 0
    for (let i = 0; i < 10 * n; i++) push(`user ${i % n}`)
    return CountedMessage.visits / (10 * n)
  }
  const [few, many] = [visitsAt(1_000), visitsAt(10_000)]
  t.ok(many <= few * 1.05, `${few} visits each at 1,000, ${many} at 10,000`)
  t.ok(many < 10, `${many} visits each`)
})

t.test('waiting messages: an idle connection has no map, also after its messages were written', async (t) => {
  let maps = 0
  const { Map: NativeMap } = globalThis
  t.teardown(() => { globalThis.Map = NativeMap })
  globalThis.Map = class <K, V> extends NativeMap<K, V> {
    constructor () {
      super()
      maps++
    }
  } as MapConstructor
  const waiting = new WaitingMessages()
  waiting.add(encoded('one'))
  waiting.takeAll()
  waiting.clear()
  const whenIdle = maps
  waiting.add(encoded('a1'), a)
  const withSource = maps
  globalThis.Map = NativeMap
  t.strictSame([whenIdle, withSource], [0, 2])
})
