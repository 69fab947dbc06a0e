import { headOf, textsOf } from './history.ts'
import { appendOf, appendTo, subscribe } from './test-node.ts'
import type { Rules } from './rule.ts'

/** What an append may be answered. */
export const appendRules: Rules = {
  'history: an id is appended once, even with another message and position': async (t, [a, b]) => {
    const first = await appendTo(a, '1')
    await appendTo(a, '2')
    const again = await b.adapter.history.append(
      'x',
      appendOf('other', { id: '1', after: { ...first, offset: 9, hash: 'x' } })
    )
    t.strictSame(again, { outcome: 'duplicate', position: first }, 'the duplicate has the position of the entry')
    t.strictSame(textsOf(await a.adapter.history.read('x')), ['1', '2'], 'nothing is added')
  },

  'history: compare-and-append at another position only returns the newest position': async (t, [a, b]) => {
    const first = await appendTo(a, '1')
    const second = await appendTo(a, '2')
    const behind = await b.adapter.history.append('x', appendOf('3', { after: first }))
    t.strictSame(behind, { outcome: 'behind', position: second }, 'the newest position is returned')
    const fork = await b.adapter.history.append('x', appendOf('3', { after: { ...second, hash: 'x' } }))
    t.strictSame(fork, { outcome: 'behind', position: second }, 'another hash is another position')
    t.strictSame((await appendTo(b, '3', { after: second })).offset, 3, 'at the newest position the entry is appended')
  },

  'history: appends of one moment have outcomes of their own, in their order': async (t, [a, b]) => {
    await subscribe('x', b)
    const first = await appendTo(a, '1')
    const large = 'x'.repeat(200_000)
    const outcomes = await Promise.all([
      appendOf('2'), appendOf('1'), appendOf('2'), appendOf('3', { after: first }), appendOf('4', { whenSlow: 'skip' }),
      appendOf(`5${large}`, { id: '5' }), appendOf(`6${large}`, { id: '6' }), appendOf('7', { limit: 5 })
    ].map((append) => a.adapter.history.append('x', append)))
    t.strictSame(
      outcomes.map((one) => [one.outcome, 'position' in one && one.position.offset]),
      [['appended', 2], ['duplicate', 1], ['duplicate', 2], ['behind', 2],
        ['appended', 3], ['appended', 4], ['appended', 5], ['appended', 6]],
      'a known id, one that was given twice, and another position'
    )
    await b.entries.until('x', ({ entry }) => entry.id === '7')
    const { entries } = await a.adapter.history.read('x')
    t.strictSame(entries.map(({ id }) => id), ['2', '4', '5', '6', '7'], 'the retention is that of the last one')
    const arrived = b.entries.of('x').slice(1).map(({ entry }) => headOf(entry))
    t.strictSame(arrived, entries.map(headOf), 'all arrive in order')
    t.strictSame(entries.map(({ prev }) => prev).slice(1), entries.map(({ hash }) => hash).slice(0, -1), 'one chain')
  },

  'history: an append of the same moment sees the snapshot before it': async (t, [a, b]) => {
    const { position: after } = await a.adapter.history.read('x')
    const rest = Array.from({ length: 9 }, (_, i) => appendOf(`${i}`, { limit: 2 }))
    const outcomes = await Promise.all([appendOf('k', { after, snapshot: '1', limit: 2 }), ...rest]
      .map((append) => a.adapter.history.append('x', append)))
    t.strictSame(outcomes.map(({ outcome }) => outcome), [...Array(9).fill('appended'), 'full'], 'the last has no room')
    const { snapshot, entries } = await b.adapter.history.read('x')
    t.strictSame([snapshot?.offset, snapshot?.state, entries.length], [1, '1', 8], 'all entries after it are kept')
  },

  'history: it is full before a read has no room for all entries after a snapshot': async (t, [a, b]) => {
    const { position: start } = await a.adapter.history.read('x')
    const snapshot = await appendTo(a, 'k', { after: start, snapshot: '0', limit: 500 })
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => appendTo(a, `${i}`, { limit: 500 })))
    const many = await a.adapter.history.append('x', appendOf('more', { limit: 500 }))
    t.strictSame(many.outcome, 'full', '1,000 entries are as many as a read returns')
    const { position, reason, entries } = await b.adapter.history.read('x')
    t.strictSame(
      [reason, entries.at(0)?.offset, entries.at(-1)?.offset],
      ['fresh', snapshot.offset + 1, snapshot.offset + 1_000],
      'a state consists of the snapshot and all entries after it'
    )
    const large = 'x'.repeat(600_000)
    await appendTo(a, 'k2', { after: position, snapshot: JSON.stringify(large) })
    const bytes = await a.adapter.history.append('x', appendOf(large))
    t.strictSame(bytes.outcome, 'full', 'snapshot and entry together are larger than a read')
    t.strictSame((await appendTo(a, 'small')).offset, 1_003, 'a smaller entry has room')
  },

  'history: it is full at four times its limit after a snapshot, and a new snapshot makes room': async (t, [a]) => {
    const { position: start } = await a.adapter.history.read('x')
    let last = await appendTo(a, 'k', { after: start, snapshot: '0', limit: 2 })
    for (let i = 0; i < 8; i++) last = await appendTo(a, `${i}`, { limit: 2 })
    const full = await a.adapter.history.append('x', appendOf('more', { limit: 2 }))
    t.ok(full.outcome === 'full' && full.retryAfter > 0, 'another entry is refused')
    t.strictSame(
      (await appendTo(a, 'k2', { after: last, snapshot: '1', limit: 2 })).offset,
      10,
      'a snapshot is appended'
    )
    t.strictSame((await appendTo(a, 'more', { limit: 2 })).offset, 11, 'the refused entry now has room')
  }
}
