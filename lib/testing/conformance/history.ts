import type { HistoryEntry } from '../../cluster/history.ts'
import type { Position } from '../../protocol/position.ts'
import { appended, bytes, subscribe } from './test-node.ts'
import type { Rules } from './rule.ts'

const position = ({ epoch }: Position, { offset, hash }: { offset: number, hash: string }): Position => ({ epoch, offset, hash })
const textsOf = (read: { readonly entries: readonly HistoryEntry[] }) => read.entries.map(({ encoded }) => JSON.parse(encoded.toString()).payload as string)

export const logs: Rules = {
  'an entry is numbered, linked to the one before it, and told to every subscribed node, its own included': async (t, [a, b]) => {
    await subscribe('x', a, b)
    const first = await appended(a, '1')
    const second = await appended(b, '2', { whenSlow: 'skip' })
    for (const node of [a, b]) {
      await node.entries.until('x', ({ entry }) => entry.id === '2')
      const told = node.entries.of('x')
      t.strictSame(told.map(({ epoch, entry: { offset, id, hash, prev, whenSlow } }) => ({ epoch, offset, id, hash, prev, whenSlow })), [
        { epoch: first.epoch, offset: 1, id: '1', hash: first.hash, prev: '', whenSlow: undefined },
        { epoch: first.epoch, offset: 2, id: '2', hash: second.hash, prev: first.hash, whenSlow: 'skip' }
      ], 'both, in order')
      t.strictSame(textsOf({ entries: told.map(({ entry }) => entry) }), ['1', '2'], 'as the same bytes')
    }
  },

  'a log begins with the first question, at a position that can be expected': async (t, [a, b]) => {
    t.strictSame(await b.adapter.history.positions(['x', 'y']), [undefined, undefined], 'there is none')
    const { position: start, reason, entries } = await a.adapter.history.read('x')
    t.strictSame([start.offset, start.hash, reason, entries], [0, '', 'fresh', []], 'an empty one')
    const first = await appended(b, '1', { after: start })
    t.strictSame(await a.adapter.history.positions(['x', 'y']), [first, undefined], 'it has moved on')
    t.strictSame(textsOf(await a.adapter.history.read('x', start)), ['1'], 'and that is what came')
  },

  'the same id is appended once, whatever comes with it': async (t, [a, b]) => {
    const first = await appended(a, '1')
    await appended(a, '2')
    const again = await b.adapter.history.append('x', { id: '1', encoded: bytes('other'), whenSlow: undefined, limit: 10, ttl: 60_000, after: position(first, { offset: 9, hash: 'x' }) })
    t.strictSame(again, { outcome: 'duplicate', position: first }, 'its own position')
    t.strictSame(textsOf(await a.adapter.history.read('x')), ['1', '2'], 'nothing was added')
  },

  'an append that expects another position is told what it missed, and appends nothing': async (t, [a, b]) => {
    const first = await appended(a, '1')
    const second = await appended(a, '2')
    const behind = await b.adapter.history.append('x', { id: '3', encoded: bytes('3'), whenSlow: undefined, limit: 10, ttl: 60_000, after: first })
    t.strictSame(behind.outcome === 'behind' && [textsOf(behind.missed), behind.missed.position], [['2'], second], 'what came since')
    const fork = await b.adapter.history.append('x', { id: '3', encoded: bytes('3'), whenSlow: undefined, limit: 10, ttl: 60_000, after: { ...second, hash: 'x' } })
    t.strictSame(fork.outcome === 'behind' && fork.missed.reason, 'fork', 'another history')
    t.strictSame((await appended(b, '3', { after: second })).offset, 3, 'at the right one it is')
  },

  'a read tells what came after a position, or why it cannot': async (t, [a, b]) => {
    const positions = []
    for (let i = 1; i <= 15; i++) positions.push(await appended(a, `${i}`))
    const [second, tenth, last] = [positions[1], positions[9], positions[14]] as [Position, Position, Position]
    const reasonOf = async (since?: Position) => (await b.adapter.history.read('x', since)).reason
    t.strictSame(textsOf(await b.adapter.history.read('x', tenth)), ['11', '12', '13', '14', '15'], 'all of it')
    t.strictSame((await b.adapter.history.read('x', last)).entries, [], 'nothing is something')
    t.strictSame([
      await reasonOf(), await reasonOf({ ...tenth, epoch: 'other' }), await reasonOf({ ...last, offset: 16 }), await reasonOf({ ...tenth, hash: 'x' }),
      await reasonOf({ ...last, hash: 'x' }), await reasonOf(second)
    ], ['fresh', 'epoch', 'future', 'fork', 'fork', 'trimmed'], 'each by its name')
    t.strictSame(textsOf(await b.adapter.history.read('x', second)), Array.from({ length: 10 }, (_, i) => `${i + 6}`), 'with the newest that are kept')
  },

  'more than the bound is not told': async (t, [a, b]) => {
    const first = await appended(a, 'first', { limit: 2_000 })
    await Promise.all(Array.from({ length: 1_001 }, (_, i) => appended(a, `${i}`, { limit: 2_000 })))
    const read = await b.adapter.history.read('x', first)
    t.strictSame([read.reason, read.entries.length], ['limit', 1_000], 'too many')
    const large = 'x'.repeat(400_000)
    for (const text of ['a', 'b', 'c']) await appended(a, text + large, { limit: 2_000 })
    t.strictSame((await b.adapter.history.read('x')).entries.length, 2, 'too large')
  },

  'a snapshot is what a new reader begins with; nothing after it is trimmed': async (t, [a, b]) => {
    const { position: start } = await a.adapter.history.read('x')
    const first = await appended(a, '1', { after: start, snapshot: '{"n":1}' })
    for (let i = 2; i <= 14; i++) await appended(a, `${i}`)
    const read = await b.adapter.history.read('x')
    t.strictSame(read.snapshot, { offset: 1, hash: first.hash, state: '{"n":1}' }, 'with its position')
    t.strictSame(textsOf(read).at(0), '2', 'and all that came after it, though only ten are to be kept')
    t.strictSame(read.entries.length, 13, 'without a hole')
    const last = await appended(b, '15', { after: read.position, snapshot: '{"n":15}' })
    const next = await b.adapter.history.read('x')
    t.strictSame([next.snapshot?.offset, next.entries.length], [15, 10], 'a newer one lets go of what is too old')
    t.strictSame(last.offset, 15, 'one after another')
  },

  'all that came after a snapshot is told, though that is more than the bound': async (t, [a, b]) => {
    const { position: start } = await a.adapter.history.read('x')
    await appended(a, 'k', { after: start, snapshot: '0', limit: 500 })
    await Promise.all(Array.from({ length: 1_001 }, (_, i) => appended(a, `${i}`, { limit: 500 })))
    const { reason, entries } = await b.adapter.history.read('x')
    t.strictSame([reason, entries.at(0)?.offset, entries.at(-1)?.offset], ['fresh', 2, 1_002], 'a state is a snapshot and all of it')
  },

  'a log that a snapshot holds back is full at four times its limit, and a snapshot makes room': async (t, [a]) => {
    const { position: start } = await a.adapter.history.read('x')
    let last = await appended(a, 'k', { after: start, snapshot: '0', limit: 2 })
    for (let i = 0; i < 8; i++) last = await appended(a, `${i}`, { limit: 2 })
    const full = await a.adapter.history.append('x', { id: 'more', encoded: bytes('more'), whenSlow: undefined, limit: 2, ttl: 60_000 })
    t.ok(full.outcome === 'full' && full.retryAfter > 0, 'no more')
    t.strictSame((await appended(a, 'k2', { after: last, snapshot: '1', limit: 2 })).offset, 10, 'but for a snapshot')
    t.strictSame((await appended(a, 'more', { limit: 2 })).offset, 11, 'after which there is room')
  },

  'a snapshot is told with its entry': async (t, [a, b]) => {
    await subscribe('x', b)
    const { position: start } = await a.adapter.history.read('x')
    await appended(a, 'ü', { after: start, snapshot: '{"text":"grüße"}' })
    await b.entries.until('x', ({ entry }) => entry.id === 'ü')
    t.strictSame(b.entries.of('x').map(({ snapshot }) => snapshot), ['{"text":"grüße"}'], 'as it was given')
  }
}
