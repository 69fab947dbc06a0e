import { changesTo, connectionOf, left, message, messagesTo, subscribe, usersOf } from './test-node.ts'
import type { Rules } from './rule.ts'

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
