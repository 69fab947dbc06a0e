import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Adapter } from '../../../lib/cluster/adapter.ts'
import type { AppendOutcome, HistoryRead } from '../../../lib/cluster/history.ts'
import type { Position } from '../../../lib/protocol/position.ts'
import { HistoryModel } from '../history-model.ts'

/** One of the positions seen so far. One of its fields may be wrong. */
const where = fc.record({
  seen: fc.nat(20),
  wrong: fc.constantFrom('nothing', 'nothing', 'nothing', 'epoch', 'offset', 'hash')
})
const after = fc.option(fc.constantFrom('top', 'top', 'old'))
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ id: fc.nat(9), after, snapshot: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ since: fc.option(where) }) }
)
const history = fc.record({
  limit: fc.integer({ min: 1, max: 4 }),
  steps: fc.array(step, { minLength: 1, maxLength: 24 })
})

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/**
 * Runs random histories of appends and reads. Asserts that each outcome equals the model's on all nodes. Each history
 * has its own channel. `lanes` histories run at once, because most of the time is spent waiting for Redis.
 */
export async function historyProperty (adapters: readonly Adapter[], runs: number, lanes: number): Promise<void> {
  const begun = Date.now()
  let channels = 0
  await Promise.all(Array.from({ length: lanes }, (_, lane) => fc.assert(
    fc.asyncProperty(history, ({ limit, steps }) => {
      return play(adapters, `history ${begun} ${lane} ${++channels}`, limit, steps)
    }),
    { numRuns: Math.ceil(runs / lanes) }
  )))
}

async function play (
  adapters: readonly Adapter[], channel: string, limit: number, steps: readonly Step[]
): Promise<void> {
  const [first] = adapters as readonly [Adapter]
  const model = new HistoryModel()
  const { position } = await first.history.read(channel)
  model.epoch = position.epoch
  const seen: Position[] = [position]
  for (const [i, step] of steps.entries()) {
    const adapter = adapters[i % adapters.length] as Adapter
    if ('since' in step) {
      const since = step.since ? spoil(seen[step.since.seen % seen.length] as Position, step.since.wrong) : undefined
      assertSameRead(await adapter.history.read(channel, since), model.read(since))
    } else {
      seen.push(await append(adapter, channel, model, limit, step, seen))
    }
  }
  assert.deepEqual(await first.history.positions([channel, `${channel} never used`]), [model.position, undefined])
}

async function append (
  adapter: Adapter, channel: string, model: HistoryModel, limit: number,
  { id, after, snapshot }: Exclude<Step, { since: unknown }>, seen: readonly Position[]
): Promise<Position> {
  const append = {
    id: `id ${id}`,
    encoded: Buffer.from(`{"n":${model.entries.length}}`),
    whenSlow: id % 2 ? 'skip' as const : undefined,
    limit,
    ...(after && { after: after === 'top' ? model.position : seen[id % seen.length] as Position }),
    ...(after && snapshot && { snapshot: `{"n":${model.entries.length}}` })
  }
  const outcome = await adapter.history.append(channel, { ...append, ttl: 60_000 })
  const modelled = model.append(append, 'position' in outcome ? outcome.position.hash : undefined)
  assertSame(outcome, modelled)
  return model.position
}

function spoil (position: Position, wrong: string): Position {
  if (wrong === 'offset') return { ...position, offset: position.offset + 1 }
  return wrong === 'nothing' ? position : { ...position, [wrong]: 'another' }
}

export function assertSame (outcome: AppendOutcome, modelled: AppendOutcome): void {
  assert.equal(outcome.outcome, modelled.outcome)
  if ('position' in outcome && 'position' in modelled) assert.deepEqual(outcome.position, modelled.position)
}

export function assertSameRead (read: HistoryRead, modelled: HistoryRead): void {
  const plain = ({ position, reason, snapshot, entries }: HistoryRead) => ({
    position,
    reason,
    snapshot,
    entries: entries.map(({ offset, id, hash, prev, whenSlow, encoded }) => {
      return { offset, id, hash, prev, whenSlow, encoded: encoded.toString() }
    })
  })
  assert.deepEqual(plain(read), plain(modelled))
}
