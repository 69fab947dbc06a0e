import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { LogInHands } from '../history-world.ts'
import { turn, World } from '../history-world.ts'

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), snapshot: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('arrive' as const), n: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('arrive twice' as const), n: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose a frame' as const), n: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('carry out' as const), n: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), n: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), n: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gap' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), at: fc.option(fc.nat(9)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail over' as const), n: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose all' as const) }) }
)
const interleaving = fc.record({ limit: fc.constantFrom(2, 1_000), actions: fc.array(action, { minLength: 8, maxLength: 60 }) })

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

const isHarmless = (actions: readonly Action[]) => !actions.some((action) => action.do === 'fail over' || action.do === 'lose all')

/** The log of one interleaving, and its end. */
export interface OneLog extends LogInHands { end (): Promise<void> }

/**
 * However its messages, its reads and the Redis beneath fare, a node hands on a log in order, without a hole and once, and all come to its end. Where
 * nothing was lost for ever, nobody has to begin anew. `lanes` of them at once, since a Redis is mostly waited for.
 */
export async function mergeProperty (open: () => Promise<OneLog>, runs: number, lanes: number): Promise<{ members: number, resyncs: number }> {
  const sums = { members: 0, resyncs: 0 }
  await Promise.all(Array.from({ length: lanes }, () => fc.assert(fc.asyncProperty(interleaving, async ({ limit, actions }) => {
    const log = await open()
    const { watchers, refusals } = await play(new World(log, limit), actions)
    const resyncs = watchers.reduce((sum, watcher) => sum + watcher.resyncs, 0)
    if (limit > 2 && isHarmless(actions)) assert.deepEqual([resyncs, refusals], [0, 0], 'where nothing was lost for ever nobody begins anew')
    sums.members += watchers.length
    sums.resyncs += resyncs
    await log.end()
  }), { numRuns: Math.ceil(runs / lanes) })))
  return sums
}

async function play (world: World, actions: readonly Action[]): Promise<World> {
  const joining: Array<Promise<void>> = []
  for (const action of actions) await act(world, action, joining)
  await world.settle()
  await Promise.all(joining)
  await world.join(undefined)
  const ids = world.log.entries.map(({ id }) => id)
  for (const { seen, position } of world.watchers) {
    assert.deepEqual(position, world.log.position, 'everybody has come to the end of the log')
    assert.deepEqual(seen.map(({ id }) => id), ids.slice(ids.length - seen.length), 'and has seen what is in it, to the last message')
  }
  return world
}

async function act (world: World, action: Action, joining: Array<Promise<void>>): Promise<void> {
  switch (action.do) {
    case 'append': await world.append(action.snapshot); break
    case 'arrive': world.arrive(action.n); break
    case 'arrive twice': world.arrive(action.n, true); break
    case 'lose a frame': world.sent.splice(action.n % Math.max(1, world.sent.length), 1); break
    case 'carry out': await world.carryOut(action.n); break
    case 'answer': world.answer(action.n); break
    case 'fail': world.fail(action.n); break
    case 'gap': world.feed.refresh(); break
    case 'wait': world.clock.advance(500); break
    case 'join': joining.push(world.join(action.at === null ? undefined : world.positions[action.at % Math.max(1, world.positions.length)])); break
    case 'fail over': await world.log.loseNewest(action.n); break
    case 'lose all': await world.log.loseAll()
  }
  await turn()
}
