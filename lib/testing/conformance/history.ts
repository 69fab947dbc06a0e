import type { HistoryEntry } from '../../cluster/history.ts'
import type { Position } from '../../protocol/position.ts'
import { appendTo, subscribe } from './test-node.ts'
import type { Rules } from './rule.ts'

export const textsOf = ({ entries }: { readonly entries: readonly HistoryEntry[] }) => {
  return entries.map(({ encoded }) => JSON.parse(encoded.toString()).payload as string)
}

export const headOf = ({ offset, id, hash, prev, whenSlow }: HistoryEntry) => ({ offset, id, hash, prev, whenSlow })

export const historyRules: Rules = {
  'history: an entry that is not in it cannot be confirmed': async (t, [a]) => {
    const { hash } = await appendTo(a, '1')
    const durability = { replicas: 1, timeoutMs: 1_000 }
    const confirm = (id: string, hash: string) => a.adapter.history.confirm('x', [{ id, hash }], durability)
    t.strictSame(await confirm('1', 'another'), false, 'an entry with another hash')
    t.strictSame(await confirm('2', hash), false, 'an entry that was never appended')
  },

  'history: an entry is chained to the one before it, and reaches every subscribed node': async (t, [a, b]) => {
    await subscribe('x', a, b)
    const first = await appendTo(a, '1')
    const second = await appendTo(b, '2', { whenSlow: 'skip' })
    for (const node of [a, b]) {
      await node.entries.until('x', ({ entry }) => entry.id === '2')
      const received = node.entries.of('x')
      t.strictSame(received.map(({ epoch, entry }) => ({ epoch, ...headOf(entry) })), [
        { epoch: first.epoch, offset: 1, id: '1', hash: first.hash, prev: '', whenSlow: undefined },
        { epoch: first.epoch, offset: 2, id: '2', hash: second.hash, prev: first.hash, whenSlow: 'skip' }
      ], 'both entries arrive in order')
      t.strictSame(textsOf({ entries: received.map(({ entry }) => entry) }), ['1', '2'], 'the messages are unchanged')
    }
  },

  'history: it begins with the first read, at a position to append after': async (t, [a, b]) => {
    t.strictSame(await b.adapter.history.positions(['x', 'y']), [undefined, undefined], 'no channel has a history')
    const { position: start, reason, entries } = await a.adapter.history.read('x')
    t.strictSame([start.offset, start.hash, reason, entries], [0, '', 'fresh', []], 'the read begins an empty history')
    const first = await appendTo(b, '1', { after: start })
    t.strictSame(await a.adapter.history.positions(['x', 'y']), [first, undefined], 'the position has moved on')
    t.strictSame(textsOf(await a.adapter.history.read('x', start)), ['1'], 'the entry came after the first position')
  },

  'history: a read returns the entries after a position, or the reason why it cannot': async (t, [a, b]) => {
    const positions = []
    for (let i = 1; i <= 15; i++) positions.push(await appendTo(a, `${i}`))
    const [second, tenth, last] = [positions[1], positions[9], positions[14]] as [Position, Position, Position]
    const reasonOf = async (since?: Position) => (await b.adapter.history.read('x', since)).reason
    t.strictSame(
      textsOf(await b.adapter.history.read('x', tenth)),
      ['11', '12', '13', '14', '15'],
      'all entries after the position'
    )
    t.strictSame((await b.adapter.history.read('x', last)).entries, [], 'nothing came after the newest position')
    t.strictSame([
      await reasonOf(),
      await reasonOf({ ...tenth, epoch: 'other' }),
      await reasonOf({ ...last, offset: 16 }),
      await reasonOf({ ...tenth, hash: 'x' }),
      await reasonOf({ ...last, hash: 'x' }),
      await reasonOf(second)
    ], ['fresh', 'epoch', 'future', 'fork', 'fork', 'trimmed'], 'each reason is named')
    t.strictSame(
      textsOf(await b.adapter.history.read('x', second)),
      Array.from({ length: 10 }, (_, i) => `${i + 6}`),
      'with a reason come the newest entries that are kept'
    )
  },

  'history: a read is bounded by 1,000 entries and 1 MiB': async (t, [a, b]) => {
    const first = await appendTo(a, 'first', { limit: 2_000 })
    await Promise.all(Array.from({ length: 1_001 }, (_, i) => appendTo(a, `${i}`, { limit: 2_000 })))
    const read = await b.adapter.history.read('x', first)
    t.strictSame([read.reason, read.entries.length], ['limit', 1_000], 'too many entries')
    const large = 'x'.repeat(400_000)
    for (const text of ['a', 'b', 'c']) await appendTo(a, text + large, { limit: 2_000 })
    t.strictSame((await b.adapter.history.read('x')).entries.length, 2, 'too many bytes')
  },

  'history: a read begins with the snapshot, and no entry after it is trimmed': async (t, [a, b]) => {
    const { position: start } = await a.adapter.history.read('x')
    const first = await appendTo(a, '1', { after: start, snapshot: '{"n":1}' })
    for (let i = 2; i <= 14; i++) await appendTo(a, `${i}`)
    const read = await b.adapter.history.read('x')
    t.strictSame(read.snapshot, { offset: 1, hash: first.hash, state: '{"n":1}' }, 'the snapshot has its position')
    t.strictSame(textsOf(read).at(0), '2', 'all entries after it are kept, beyond the limit of ten')
    t.strictSame(read.entries.length, 13, 'there is no hole')
    const last = await appendTo(b, '15', { after: read.position, snapshot: '{"n":15}' })
    const next = await b.adapter.history.read('x')
    t.strictSame([next.snapshot?.offset, next.entries.length], [15, 10], 'a newer snapshot releases older entries')
    t.strictSame(last.offset, 15, 'the offset is the next one')
  },

  'history: a page has the newest entries before an offset, in order': async (t, [a, b]) => {
    const { history } = b.adapter
    const empty = await history.readBefore('x', undefined, 5)
    t.strictSame([empty.position.offset, empty.entries, empty.hasMore], [0, [], false], 'the read begins a history')
    for (let i = 1; i <= 12; i++) await appendTo(a, `${i}`)
    const { position } = await history.read('x')
    const page = async (before: number | undefined, limit: number) => {
      const { position: newest, hasMore, ...rest } = await history.readBefore('x', before, limit)
      t.strictSame(newest, position, 'it has the newest position')
      return [textsOf(rest).join(), hasMore]
    }
    t.strictSame(await page(undefined, 3), ['10,11,12', true], 'the newest')
    t.strictSame(await page(10, 3), ['7,8,9', true], 'those before an offset')
    t.strictSame(await page(6, 3), ['3,4,5', false], 'the oldest that are kept')
    t.strictSame(await page(5, 3), ['3,4', false], 'fewer than wanted')
    t.strictSame([await page(3, 3), await page(-1, 3)], [['', false], ['', false]], 'nothing is older')
    t.strictSame(await page(99, 2), ['11,12', true], 'an offset that does not exist yet')
  },

  'history: a page is bounded by 256 KiB, unless its only entry is larger': async (t, [a, b]) => {
    for (const [text, bytes] of [['a', 300_000], ['b', 100_000], ['c', 100_000], ['d', 100_000]] as const) {
      await appendTo(a, text.repeat(bytes))
    }
    const page = async (before?: number) => {
      const { entries, hasMore } = await b.adapter.history.readBefore('x', before, 100)
      return [entries.map(({ offset }) => offset), hasMore]
    }
    t.strictSame([await page(), await page(3), await page(2)], [[[3, 4], true], [[2], true], [[1], false]], 'the bound')
  },

  'history: cleared, it begins a new epoch without entries, snapshot and known ids': async (t, [a, b]) => {
    const { position: start } = await a.adapter.history.read('x')
    const last = await appendTo(a, '1', { after: start, snapshot: '1' })
    await b.adapter.history.clear('x')
    const { position, reason, snapshot, entries } = await a.adapter.history.read('x', last)
    t.strictSame([reason, snapshot, entries, position.offset], ['epoch', undefined, [], 0], 'it is empty')
    t.ok(position.epoch !== last.epoch, 'the epoch is new')
    t.strictSame(await a.adapter.history.positions(['x']), [position], 'a poll finds the new epoch')
    t.strictSame((await appendTo(b, '1', { after: position })).offset, 1, 'the id can be appended again')
    await a.adapter.history.clear('y')
    t.strictSame((await b.adapter.history.read('y')).entries, [], 'a history that never was is empty, too')
  },

  'history: a snapshot arrives with its entry': async (t, [a, b]) => {
    await subscribe('x', b)
    const { position: start } = await a.adapter.history.read('x')
    await appendTo(a, 'ü', { after: start, snapshot: '{"text":"grüße"}' })
    await b.entries.until('x', ({ entry }) => entry.id === 'ü')
    t.strictSame(b.entries.of('x').map(({ snapshot }) => snapshot), ['{"text":"grüße"}'], 'the state is unchanged')
  }
}
