import { changesTo, connectionOf, left, message, messagesTo, subscribe, usersOf, type TestNode } from './test-node.ts'
import type { Rules } from './rule.ts'

/** The quota of connections per user. */
export const quotaRules: Rules = {
  'quota: the connections of a user are counted over all nodes': async (t, [a, b, c]) => {
    const acquire = async ({ adapter }: TestNode, connection: string) => {
      return (await adapter.quota.acquire('ada', connection, 2)).granted
    }
    t.strictSame(
      [await acquire(a, '1'), await acquire(b, '2'), await acquire(c, '3')],
      [true, true, false],
      'a third connection is refused'
    )
    t.strictSame(await acquire(a, '1'), true, 'a repeated call for a counted connection is granted')
    const refused = await c.adapter.quota.acquire('ada', '3', 2)
    t.ok(
      !refused.granted && refused.retryAfter > 0 && refused.retryAfter <= 15_000,
      'the refusal says when to try again'
    )
    t.strictSame((await c.adapter.quota.acquire('bob', '3', 2)).granted, true, 'another user has a quota of its own')
    await b.adapter.quota.release('ada', '2')
    t.strictSame(await acquire(c, '4'), true, 'a released connection makes room')
  },

  'quota: a check says what acquire would, and counts nothing': async (t, [a, b, c]) => {
    const check = async ({ adapter }: TestNode, limit = 2) => (await adapter.quota.check('ada', limit)).granted
    t.strictSame([await check(a), await check(a, 1)], [true, true], 'the user has no connection')
    await a.adapter.quota.acquire('ada', '1', 2)
    t.strictSame([await check(a), await check(b), await check(b, 1)], [true, true, false], 'room for one more')
    await b.adapter.quota.acquire('ada', '2', 2)
    t.strictSame([await check(a), await check(b), await check(c)], [false, false, false], 'no room on any node')
    const refused = await c.adapter.quota.check('ada', 2)
    t.ok(
      !refused.granted && refused.retryAfter > 0 && refused.retryAfter <= 15_000,
      'the refusal says when to try again'
    )
    await a.adapter.quota.release('ada', '1')
    t.strictSame([await check(a), await check(b)], [true, true], 'a released connection makes room')
    t.strictSame((await c.adapter.quota.acquire('ada', '3', 2)).granted, true, 'no check is counted')
  }
}

/** What concerns every node. */
export const nodesRules: Rules = {
  'nodes: a revocation reaches every other node once': async (t, [a, b, c]) => {
    const until = Date.now() + 60_000
    await a.adapter.nodes.revoke('user ada', until)
    for (const node of [b, c]) {
      await node.revoked.until('user ada', () => true)
      const ends = node.revoked.of('user ada')
      t.strictSame(ends.length, 1, 'the other node learns it once')
      t.ok(Math.abs(Number(ends[0]) - until) < 5_000, 'with its end')
    }
    t.strictSame(a.revoked.of('user ada'), [], 'the revoking node receives no event')
  },

  'nodes: a request is answered by every other node, and a node without an answer is missing': async (t, [a, b, c]) => {
    b.answer = (request) => ({ request, from: 'b' })
    const all = await a.adapter.nodes.request({ what: 1 }, 3_000)
    t.strictSame(all.missing, [], 'no node is missing')
    const answers = new Map(all.results.map(({ node, answer }) => [node, answer]))
    t.strictSame(
      [answers.get(b.adapter.nodeId), answers.get(c.adapter.nodeId)],
      [{ request: { what: 1 }, from: 'b' }, { what: 1 }],
      'both nodes answered'
    )
    c.answer = async () => { throw new Error('on purpose') }
    const some = await a.adapter.nodes.request('again', 2_000)
    t.strictSame(
      [some.results.map(({ node }) => node), some.missing],
      [[b.adapter.nodeId], [c.adapter.nodeId]],
      'a failed handler is a missing answer'
    )
  },

  'nodes: a slow request is carried out once, even if it is sent again': async (t, [a, b, c]) => {
    let runs = 0
    b.answer = async () => {
      runs++
      await new Promise((resolve) => { setTimeout(resolve, 1_200) })
    }
    t.strictSame((await a.adapter.nodes.request('slow', 3_000)).missing, [], 'the answer arrives before the deadline')
    t.strictSame(runs, 1, 'the handler ran once')
    t.ok(c.adapter.status.state === 'up', 'the third node is up')
  }
}

/** The end of a node. */
export const closingRules: Rules = {
  'close: the connections of the node leave, and the other nodes are informed': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.presence.enter('x', connectionOf('c1', 'ada'))
    await a.adapter.presence.enter('x', connectionOf('c2', 'bob'))
    await b.adapter.presence.enter('x', connectionOf('c3', 'bob'))
    await a.adapter.close()
    await b.changes.until('x', left('ada'))
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['bob'], 'a user with a connection on another node stays')
  },

  'close: a closed node receives no further events': async (t, [a, b, c]) => {
    await subscribe('x', a, c)
    await a.adapter.close()
    await b.adapter.pubsub.publish('x', message('1'))
    t.strictSame(await messagesTo(c, b, 'x'), ['1'], 'an open node receives the message')
    await changesTo(c, b, 'x')
    t.strictSame(
      [a.messages.of('x'), a.changes.of('x')],
      [[], []],
      'the closed node receives neither messages nor changes'
    )
  },

  'close: a second call does nothing': async (t, [a, b]) => {
    await a.adapter.presence.enter('x', connectionOf('c1', 'ada'))
    await a.adapter.close()
    await b.adapter.presence.enter('x', connectionOf('c1', 'ada'))
    await a.adapter.close()
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['ada'], 'an entry of another node is left alone')
  }
}
