import type { Node } from './test-node.ts'
import type { Rules } from './rule.ts'

export const nodes: Rules = {
  'a user has so many places, over all nodes': async (t, [a, b, c]) => {
    const reserve = async ({ adapter }: Node, connection: string) => (await adapter.quota.acquire('ada', connection, 2)).granted
    t.strictSame([await reserve(a, '1'), await reserve(b, '2'), await reserve(c, '3')], [true, true, false], 'and no more')
    t.strictSame(await reserve(a, '1'), true, 'who has one keeps it')
    const refused = await c.adapter.quota.acquire('ada', '3', 2)
    t.ok(!refused.granted && refused.retryAfter >= 1_000 && refused.retryAfter <= 15_000, 'it may be tried again')
    t.strictSame((await c.adapter.quota.acquire('bob', '3', 2)).granted, true, 'others have their own')
    await b.adapter.quota.release('ada', '2')
    t.strictSame(await reserve(c, '4'), true, 'given back, it is free')
  },

  'a revocation reaches every other node': async (t, [a, b, c]) => {
    const until = Date.now() + 60_000
    await a.adapter.nodes.revoke('user ada', until)
    for (const node of [b, c]) {
      await node.revoked.until('user ada', () => true)
      t.strictSame(node.revoked.of('user ada'), [until], 'once')
    }
    t.strictSame(a.revoked.of('user ada'), [], 'but the one that knows')
  },

  'every other node is asked, and who does not answer is missing': async (t, [a, b, c]) => {
    b.answer = (question) => ({ question, from: 'b' })
    const everyone = await a.adapter.nodes.ask({ what: 1 }, 3_000)
    t.strictSame(everyone.missing, [], 'nobody')
    const answers = new Map(everyone.results.map(({ node, answer }) => [node, answer]))
    t.strictSame([answers.get(b.adapter.nodeId), answers.get(c.adapter.nodeId)], [{ question: { what: 1 }, from: 'b' }, { what: 1 }], 'both answered')
    c.answer = async () => { throw new Error('on purpose') }
    const some = await a.adapter.nodes.ask('again', 2_000)
    t.strictSame([some.results.map(({ node }) => node), some.missing], [[b.adapter.nodeId], [c.adapter.nodeId]], 'one did not')
  },

  'a question is carried out once, though the answer is late': async (t, [a, b, c]) => {
    let asked = 0
    b.answer = async () => {
      asked++
      await new Promise((resolve) => { setTimeout(resolve, 1_200) })
    }
    t.strictSame((await a.adapter.nodes.ask('slow', 3_000)).missing, [], 'it came in time')
    t.strictSame(asked, 1, 'asked twice, perhaps, but done once')
    t.ok(c.adapter.status.state === 'up', 'the other one is there as well')
  }
}
