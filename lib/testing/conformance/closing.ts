import { bytes, claim, framesOf, left, presenceOf, subscribe, usersOf } from './test-node.ts'
import type { Rules } from './rule.ts'

export const endings: Rules = {
  'a node that closes takes its claims along, and others are told': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.presence.enter('x', claim('c1', 'ada'))
    await a.adapter.presence.enter('x', claim('c2', 'bob'))
    await b.adapter.presence.enter('x', claim('c3', 'bob'))
    await a.adapter.close()
    await b.changes.until('x', left('ada'))
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['bob'], 'who is there through another node stays')
  },

  'a node that closed is told nothing any more': async (t, [a, b, c]) => {
    await subscribe('x', a, c)
    await a.adapter.close()
    await b.adapter.pubsub.publish('x', bytes('1'))
    t.strictSame(await framesOf(c, b, 'x'), ['1'], 'others are')
    await presenceOf(c, b, 'x')
    t.strictSame([a.frames.of('x'), a.changes.of('x')], [[], []], 'it is not')
  },

  'closing twice is closing once': async (t, [a, b]) => {
    await a.adapter.presence.enter('x', claim('c1', 'ada'))
    await a.adapter.close()
    await b.adapter.presence.enter('x', claim('c1', 'ada'))
    await a.adapter.close()
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['ada'], 'the second time it holds nothing')
  }
}
