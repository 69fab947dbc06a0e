import { ChangeSet, Text } from '@codemirror/state'
import t from 'tap'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import type { ChangesJson } from '../../../routes/editor/changes.ts'
import { DocumentState } from '../../../routes/editor/document-state.ts'
import { difference } from '../../../routes/editor/page/difference.ts'
import { Draft, type Departing } from '../../../routes/editor/page/draft.ts'
import { portion } from '../../../routes/editor/page/portion.ts'
import { Sender, type Outcome } from '../../../routes/editor/page/sender.ts'
import { RemoteCursors } from '../../../routes/editor/page/remote-cursors.ts'
import { Random } from '../../support/random.ts'

const text = (value: string) => Text.of(value.split('\n'))
const insert = (length: number, from: number, insert: string) => ChangeSet.of({ from, insert }, length)
const entry = (offset: number, clientId: string, seq: number, changes: ChangeSet) =>
  ({ offset, hash: `l${offset}`, clientId, seq, changes: changes.toJSON() as ChangesJson })
const snapshot = (offset: number, value: string, seqs: Array<[string, number, number]> = []) =>
  ({ snapshot: { offset, hash: `l${offset}`, state: { text: value, seqs } }, position: { offset } })

const draftOf = (value: string) => {
  const draft = new Draft(() => 'me')
  draft.begin(snapshot(1, value))
  return draft
}

t.test('draft: local text goes out one edit at a time and is confirmed by the history', async (t) => {
  const draft = draftOf('ab')
  t.equal(draft.next(), undefined)
  draft.write(insert(2, 2, 'c'))
  t.strictSame(draft.next(), { version: 1, hash: 'l1', seq: 1, changes: [2, [0, 'c']] })
  draft.write(insert(3, 3, 'd'))
  t.equal(draft.next()?.seq, 1, 'the same until it is confirmed')
  t.ok(draft.logged(entry(2, 'me', 1, insert(2, 2, 'c'))).empty, 'it is seen already')
  t.strictSame(draft.next(), { version: 2, hash: 'l2', seq: 2, changes: [3, [0, 'd']] })
  t.notOk(draft.isSaved)
  draft.logged(entry(3, 'me', 2, insert(3, 3, 'd')))
  t.ok(draft.isSaved)
  t.equal(draft.text.toString(), 'abcd')
})

t.test('draft: edits of others go below pending edits', async (t) => {
  const draft = draftOf('a')
  draft.write(insert(1, 0, 'U'))
  draft.next()
  draft.write(insert(2, 2, '!'))
  draft.logged(entry(2, 'x', 1, ChangeSet.of({ from: 0, to: 1 }, 1)))
  draft.logged(entry(3, 'y', 1, insert(0, 0, 'Y')))
  t.equal(draft.text.toString(), 'U!Y', 'as the server has it: later goes left')
  t.strictSame(draft.next(), { version: 3, hash: 'l3', seq: 1, changes: [[0, 'U'], 1] })
})

t.test('draft: pending edits survive a lost history', async (t) => {
  const draft = draftOf('one two')
  draft.write(insert(7, 3, '!'))
  draft.next()
  draft.write(insert(8, 8, '?'))
  draft.begin({
    snapshot: { offset: 9, hash: 'l9', state: { text: 'one two three', seqs: [] } }, position: { offset: 10 }
  })
  t.equal(draft.next(), undefined, 'not before all is told')
  draft.logged(entry(10, 'x', 1, insert(13, 0, '> ')))
  t.equal(draft.next()?.seq, 1)
  t.equal(draft.next()?.version, 10)
  t.match(draft.text.toString(), /^> one!? two/)
  t.equal([...draft.text.toString()].filter((c) => '!?'.includes(c)).length, 2, 'nothing lost')
})

t.test('draft: an edit that reached the history during a resync is no longer pending', async (t) => {
  const draft = draftOf('a')
  draft.write(insert(1, 1, 'b'))
  draft.next()
  draft.begin(snapshot(7, 'ab', [['me', 1, 2]]))
  t.ok(draft.isSaved)
  t.equal(draft.text.toString(), 'ab')
})

t.test('draft: an edit that returns transformed differently is corrected', async (t) => {
  const draft = draftOf('ab')
  draft.write(insert(2, 1, 'M'))
  draft.next()
  draft.write(insert(3, 3, 'Z'))
  const shown = draft.logged(entry(2, 'me', 1, insert(2, 0, 'M')))
  t.equal(shown.apply(text('aMbZ')).toString(), 'MabZ')
  t.equal(draft.text.toString(), 'MabZ')
})

t.test('draft: a refused edit is undone, and nothing else', async (t) => {
  const draft = draftOf('ab')
  draft.write(insert(2, 1, 'bad'))
  draft.next()
  draft.write(insert(5, 5, 'good'))
  t.equal(draft.refused().apply(text('abadbgood')).toString(), 'abgood')
  t.strictSame(draft.next(), { version: 1, hash: 'l1', seq: 2, changes: [2, [0, 'good']] })
})

t.test('draft: positions map from the server\'s text to the visible text and back', async (t) => {
  const draft = draftOf('ab')
  draft.write(insert(2, 0, 'xx'))
  t.equal(draft.toServer(3), 1)
  t.strictSame(draft.fromServer(1, [1, 99]), [3, 4], 'a place beyond the end is the end')
  draft.logged(entry(2, 'y', 1, insert(2, 0, 'y')))
  t.strictSame(draft.fromServer(1, [1]), [4])
  t.equal(draft.fromServer(0, [0]), undefined)
  t.equal(draft.fromServer(3, [0]), undefined)
})

t.test('remote cursors: a cursor shows once the text of its version has arrived', async (t) => {
  const draft = draftOf('ab')
  const shown: unknown[] = []
  const others = new RemoteCursors(draft, (...place) => shown.push(place))
  others.moved({ clientId: 'u.c', version: 1, anchor: 0, head: 1 })
  others.moved({ clientId: 'u.c', version: 2, anchor: 3, head: 3 })
  others.moved({ clientId: 'v.c', version: 3, anchor: 3, head: 3 })
  others.moved({ clientId: 'w.c', version: 0, anchor: 0, head: 0 })
  t.strictSame(shown, [['u', 0, 1]])
  draft.logged(entry(2, 'u.c', 1, insert(2, 2, 'c')))
  others.advance()
  others.advance()
  t.strictSame(shown, [['u', 0, 1], ['u', 3, 3]])
})

t.test('difference: it turns one text into the other and splits no surrogate pair', async (t) => {
  const random = new Random(1)
  const any = () =>
    Array.from(
      { length: random.below(6) },
      () => random.pick(['a', 'b', '\n', '😀', '😁', '\u{2f600}', '👩‍🚀'])
    ).join('')
  for (let i = 0; i < 5_000; i++) {
    const [from, to] = [any(), any()]
    const changes = difference(text(from), text(to))
    if (changes.apply(text(from)).toString() !== to) t.fail(`${from} to ${to}`)
    if (/[^[\],]\p{Surrogate}|^\p{Surrogate}/u.test(
      JSON.stringify(changes.toJSON()).replaceAll(/\\ud[0-9a-f]{3}/g, '\ud800')
    )) t.fail(`a pair torn: ${from} to ${to}`)
    if (from === to) t.ok(changes.empty)
  }
})

t.test('portion: an edit too large for one message goes in several', async (t) => {
  const base = text('x'.repeat(3_000))
  const many = ChangeSet.of(
    Array.from({ length: 1_500 }, (_, i) => ({ from: 2 * i, to: 2 * i + 1, insert: 'yz' })), base.length
  )
  const long = ChangeSet.of({ from: 5, to: 9, insert: '😀'.repeat(9_000) }, base.length)
  for (const changes of [many, long, insert(3_000, 0, 'a')]) {
    let [seen, left] = [base, changes]
    for (let i = 0; i < 10 && !left.empty; i++) {
      const { first, rest } = portion(left)
      t.ok((first.toJSON() as unknown[]).length <= 1_000 && JSON.stringify(first).length < 60_000)
      t.notMatch(first.apply(seen).toString(), /\p{Surrogate}/u)
      seen = first.apply(seen)
      left = rest
    }
    t.ok(left.empty)
    t.ok(seen.eq(changes.apply(base)))
  }
})

t.test('sender: an edit is sent until the server accepts it, one at a time', async (t) => {
  const clock = new FakeClock()
  const sent: number[] = []
  let settle: (outcome: Outcome) => void = () => {}
  let [seq, refused] = [0, 0]
  const sender = new Sender({
    next: () => seq === 0 ? undefined : { seq } as Departing,
    send: async ({ seq }) => {
      sent.push(seq)
      return await new Promise((resolve) => { settle = resolve })
    },
    refused: () => { refused++ }
  }, clock)
  const settled = async (outcome: Outcome) => {
    settle(outcome)
    await new Promise((resolve) => setImmediate(resolve))
  }
  sender.flush()
  t.strictSame(sent, [], 'nothing to send')
  seq = 1
  sender.flush()
  sender.flush()
  t.strictSame(sent, [1], 'one at a time')
  await settled('later')
  clock.advance(1_000)
  t.strictSame(sent, [1, 1], 'tried again')
  await settled('taken')
  sender.flush()
  t.strictSame(sent, [1, 1], 'taken, and on its way back')
  sender.reconnected()
  t.strictSame(sent, [1, 1, 1], 'who knows, after a lost connection')
  await settled('taken')
  seq = 2
  sender.flush()
  seq = 0
  await settled('refused')
  t.equal(refused, 1)
  t.strictSame(sent, [1, 1, 1, 2])
})

t.test('document state: the last edits of 1,000 clients are remembered', async (t) => {
  const state = new DocumentState()
  for (let i = 1; i <= 1_001; i++) state.take(entry(i, `c${i}`, 5, ChangeSet.empty(0)))
  t.equal(state.versionOf('c1', 5), undefined)
  t.equal(state.versionOf('c2', 5), 2)
  t.equal(state.versionOf('c2', 6), undefined)
  t.equal(state.snapshot.seqs.length, 1_000)
})
