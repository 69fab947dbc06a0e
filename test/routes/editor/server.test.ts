import { ChangeSet, Text } from '@codemirror/state'
import t from 'tap'
import { MemoryAdapter } from '../../../lib/memory/memory-adapter.ts'
import { refusal } from '../../../lib/protocol/errors.ts'
import { editor } from '../../../routes/editor/editor.contract.ts'
import { Documents } from '../../../routes/editor/documents.ts'
import { Replica, Stale } from '../../../routes/editor/replica.ts'
import { SharedDocument } from '../../../routes/editor/shared-document.ts'
import { serveDemo, type Demo, type Visitor } from '../../support/demo.ts'
import { adapterWith } from '../../support/adapter-with.ts'

const channel = 'doc/minutes'

async function enter (demo: Demo, name: string): Promise<Visitor> {
  return await demo.connect(name, channel, '/ws/editor')
}

const edit = (version: number, seq: number, changes: unknown, more: object = {}) => ({
  version, clientId: 'page', seq, changes, ...more
})

class AwayAdapter extends MemoryAdapter {
  isAway = false

  constructor () {
    super()
    const read = this.history.read.bind(this.history)
    adapterWith({
      history: {
        read: async (...of) => {
          if (this.isAway) throw new Error('away')
          return read(...of)
        }
      }
    }, this)
  }
}

async function textOf (demo: Demo): Promise<string> {
  const { snapshot, messages } = await demo.app.rooms.of(editor, { id: 'minutes' }).read()
  const start = Text.of(((snapshot?.state as { text: string } | undefined)?.text ?? '').split('\n'))
  return messages.reduce(
    (text, { payload }) => ChangeSet.fromJSON((payload as { changes: unknown }).changes).apply(text), start
  ).toString()
}

t.test('editor server: an edit goes to everyone, its author too, and its offset is the version', async (t) => {
  const demo = await serveDemo(t)
  const [ada, bob] = [await enter(demo, 'Ada'), await enter(demo, 'Bob')]
  t.match(await ada.client.request('edit', channel, edit(0, 1, [[0, 'ab']])), { type: 'ack', payload: { version: 1 } })
  for (const { client } of [ada, bob]) {
    t.match(
      await client.next('edited'),
      { offset: 1, payload: { clientId: `${ada.userId}.page`, seq: 1, changes: [[0, 'ab']] } }
    )
  }
  t.match(
    await bob.client.request('edit', channel, edit(0, 1, [[0, 'c']])),
    { payload: { version: 2 } },
    'made at an older version'
  )
  t.match((await ada.client.next('edited')).payload, { changes: [[0, 'c'], 2] }, 'what came later goes left')
  t.equal(await textOf(demo), 'cab')
})

t.test('editor server: a repeated edit is recognised', async (t) => {
  const demo = await serveDemo(t)
  const [ada, bob] = [await enter(demo, 'Ada'), await enter(demo, 'Bob')]
  await ada.client.request('edit', channel, edit(0, 1, [[0, 'a']]))
  t.match(await ada.client.request('edit', channel, edit(0, 1, [[0, 'a']])), { payload: { version: 1 } })
  t.match(
    await bob.client.request('edit', channel, edit(1, 1, [1, [0, 'b']])),
    { payload: { version: 2 } },
    'nobody numbers edits for somebody else'
  )
  t.equal(await textOf(demo), 'ab')
})

t.test('editor server: a cursor goes to the other members under its user\'s id', async (t) => {
  const demo = await serveDemo(t)
  const [ada, bob] = [await enter(demo, 'Ada'), await enter(demo, 'Bob')]
  t.match(
    await ada.client.request('cursor', channel, { clientId: 'page', version: 0, anchor: 0, head: 0 }), { type: 'ack' }
  )
  t.strictSame(
    (await bob.client.next('moved')).payload, { version: 0, anchor: 0, head: 0, clientId: `${ada.userId}.page` }
  )
})

/** What no sound client sends, and what it is refused with. */
const hostile: ReadonlyArray<readonly [name: string, payload: unknown, code: string]> = [
  ['a negative length', edit(1, 2, [-1, 4]), 'invalid_payload'],
  ['a fraction', edit(1, 2, [1.5, 1.5]), 'invalid_payload'],
  ['no array', edit(1, 2, { length: 3 }), 'invalid_payload'],
  ['too many parts', edit(1, 2, Array.from({ length: 1_001 }, () => 0)), 'invalid_payload'],
  ['a seq of nothing', edit(1, 0, [3]), 'invalid_payload'],
  ['somebody else\'s client', edit(1, 2, [3], { clientId: 'a.b' }), 'invalid_payload'],
  ['a length that is a line', edit(1, 2, [3, ['x']]), 'invalid_edit'],
  ['a line that is a length', edit(1, 2, [3, [0, 7]]), 'invalid_edit'],
  ['CR in a line', edit(1, 2, [3, [0, 'a\rb']]), 'invalid_edit'],
  ['LF in a line', edit(1, 2, [3, [0, 'a\nb']]), 'invalid_edit'],
  ['another length', edit(1, 2, [2, [0, 'x']]), 'invalid_edit'],
  ['lengths beyond numbers', edit(1, 2, [1e308, 1e308, 3]), 'invalid_edit'],
  ['half a pair', edit(1, 2, [3, [0, '\ud83d']]), 'invalid_payload'],
  ['into a pair', edit(1, 2, [2, [0, 'x'], 1]), 'invalid_edit'],
  ['out of a pair', edit(1, 2, [1, [1], 1]), 'invalid_edit'],
  ['too much at once', edit(1, 2, [3, [0, 'x'.repeat(15_000), 'y'.repeat(15_000)]]), 'invalid_edit'],
  ['a version to come', edit(99, 2, [3]), 'stale'],
  ['a version of another log', edit(1, 2, [3], { hash: 'elsewhere' }), 'stale']
]

t.test('editor server: hostile edits are refused and change nothing', async (t) => {
  const demo = await serveDemo(t, { protocolErrors: { max: 100, timeWindow: 60_000 } })
  const [ada, bob] = [await enter(demo, 'Ada'), await enter(demo, 'Bob')]
  await ada.client.request('edit', channel, edit(0, 1, [[0, 'a😀']]))
  for (const [name, payload, code] of hostile) {
    t.match(await ada.client.request('edit', channel, payload), { type: 'error', payload: { code } }, name)
  }
  t.equal(await textOf(demo), 'a😀')
  await bob.client.request('edit', channel, edit(1, 1, [3, [0, '!']]))
  t.equal(await textOf(demo), 'a😀!', 'and others write on')
})

t.test('editor server: a megabyte of 100,000 inserts blocks nobody', async (t) => {
  const demo = await serveDemo(
    t,
    {
      maxPayload: 4_000_000,
      limits: { bytes: { max: 100_000_000, timeWindow: 1_000 }, messages: { max: 1_000, timeWindow: 1_000 } }
    }
  )
  const [ada, bob] = [await enter(demo, 'Ada'), await enter(demo, 'Bob')]
  const before = process.cpuUsage()
  const refused = ada.client.request('edit', channel, edit(0, 1, Array.from({ length: 100_000 }, () => [0, 'abc'])))
  t.match(await bob.client.request('edit', channel, edit(0, 1, [[0, 'b']])), { type: 'ack' })
  t.match(await refused, { payload: { code: 'invalid_payload' } })
  // The processor's time, not the clock's: a busy machine must not fail this.
  const { user, system } = process.cpuUsage(before)
  t.ok(user + system < 2_000_000, `${user + system} us`)
})

t.test('editor server: a document costs nothing while nobody has it open', async (t) => {
  let reads = 0
  const documents = new Documents(() => ({ read: async () => { reads++; throw refusal('unavailable') } }))
  documents.close('x', 'nobody')
  documents.open('x', 'a')
  documents.open('x', 'b')
  const document = documents.get('x')
  t.equal(documents.get('x'), document)
  documents.close('x', 'a')
  t.equal(documents.size, 1)
  documents.close('x', 'b')
  t.equal(documents.size, 0)
  t.equal(reads, 0, 'and is not read until somebody edits it')
})

t.test('editor server: a failed push does not affect the next one', async (t) => {
  const empty = { position: { epoch: 'e', offset: 0, hash: '' }, reason: 'fresh' as const, messages: [] }
  const document = new SharedDocument({ read: async () => empty })
  const change = { version: 0, clientId: 'a', changes: [[0, 'x']] }
  const failed = document.push({ ...change, seq: 1 }, async () => { throw refusal('unavailable') })
  const done = document.push({ ...change, seq: 1 }, async () => ({ epoch: 'e', offset: 1, hash: 'l', id: 'i' }))
  await t.rejects(failed, { code: 'unavailable' })
  t.equal(await done, 1)
  t.equal(document.text, 'x')
})

t.test('editor server: an edit may be made at any of the newest 1,000 versions', async (t) => {
  const replica = new Replica()
  const position = { epoch: 'e', offset: 0, hash: '' }
  for (let seq = 1; seq <= 1_001; seq++) {
    replica.append(
      { clientId: 'a', seq, changes: [[0, '😀'], 2 * (seq - 1)].slice(0, seq) },
      { ...position, offset: seq, hash: `${seq}`, id: 'i' }
    )
  }
  t.throws(() => replica.place({ version: 0, clientId: 'b', seq: 1, changes: [] }), new Stale(1, 1_001))
  const { version, changes } = replica.bring(
    replica.place({ version: 1, clientId: 'b', seq: 1, changes: [2, [0, '!']] })
  )
  t.equal(version, 1_001)
  t.strictSame(changes.toJSON(), [2_002, [0, '!']])
})

t.test('editor server: while the history is unavailable edits are refused, afterwards accepted', async (t) => {
  const adapter = new AwayAdapter()
  const demo = await serveDemo(t, { adapter })
  const ada = await enter(demo, 'Ada')
  adapter.isAway = true
  t.match(
    await ada.client.request('edit', channel, edit(0, 1, [[0, 'a']])),
    { type: 'error', payload: { code: 'unavailable' } }
  )
  adapter.isAway = false
  t.match(await ada.client.request('edit', channel, edit(0, 1, [[0, 'a']])), { payload: { version: 1 } })
})

t.test('editor server: users have a name and a colour', async (t) => {
  const demo = await serveDemo(t)
  const { client } = await demo.connect('Ada', undefined, '/ws/editor')
  const { payload } = await client.request('join', channel)
  const [{ data }] = (payload as { presence: [{ data: { name: string, colour: number } }] }).presence
  t.equal(data.name, 'Ada')
  t.ok(data.colour >= 0 && data.colour < 8)
})
