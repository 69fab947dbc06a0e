import { claim, joined, presenceOf, subscribe, usersOf, type Numbered } from './test-node.ts'
import type { Rules } from './rule.ts'

const changesOf = (told: readonly Numbered[]) => told.map(({ change }) => change)

export const presence: Rules = {
  'a channel where nobody entered is empty': async (t, [a]) => {
    t.strictSame(usersOf(await a.adapter.presence.list('x')), [], 'nobody')
  },

  'who entered on one node is present for every node, with the data given': async (t, [a, b]) => {
    const data = { name: 'Ada', list: [1, { deep: null }] }
    await a.adapter.presence.enter('x', claim('c1', 'ada', data))
    for (const { adapter } of [a, b]) t.strictSame((await adapter.presence.list('x')).entries, [{ user: 'ada', data }], 'there she is')
    t.strictSame(usersOf(await b.adapter.presence.list('y')), [], 'and in no other channel')
  },

  'a change reaches every node that is subscribed, the one that made it included': async (t, [a, b, c]) => {
    await subscribe('x', a, b)
    await a.adapter.presence.enter('x', claim('c1', 'ada', { n: 1 }))
    await a.adapter.presence.exit('x', 'c1')
    for (const node of [a, b]) {
      t.strictSame(changesOf(await presenceOf(node, b, 'x')), [{ joined: [{ user: 'ada', data: { n: 1 } }] }, { left: ['ada'] }], 'in, and out')
      await b.adapter.presence.exit('x', 'the end')
    }
    await subscribe('x', c)
    await b.adapter.presence.enter('x', claim('c2', 'bob'))
    t.ok((await c.changes.until('x', joined('bob'))).every((told) => !joined('ada')(told)), 'who subscribes later is told what comes later')
  },

  'the same claim twice changes nothing': async (t, [a, b]) => {
    await subscribe('x', a)
    for (let i = 0; i < 2; i++) await b.adapter.presence.enter('x', claim('c1', 'ada'))
    t.strictSame((await presenceOf(a, b, 'x')).length, 1, 'one change')
    await b.adapter.presence.exit('x', 'c1')
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['the end'], 'and one exit takes it back')
  },

  'several connections of one user are one entry, gone with the last of them': async (t, [a, b]) => {
    await subscribe('x', a)
    await a.adapter.presence.enter('x', claim('c1', 'ada'))
    await b.adapter.presence.enter('x', claim('c2', 'ada'))
    t.strictSame(usersOf(await a.adapter.presence.list('x')), ['ada'], 'one entry')
    await a.adapter.presence.exit('x', 'c1')
    t.strictSame(usersOf(await a.adapter.presence.list('x')), ['ada'], 'the other connection is still there')
    await b.adapter.presence.exit('x', 'c2')
    t.strictSame(usersOf(await a.adapter.presence.list('x')), [], 'now nobody is')
    t.strictSame(changesOf(await presenceOf(a, b, 'x')), [{ joined: [{ user: 'ada', data: {} }] }, { left: ['ada'] }], 'others were told of the first and the last')
  },

  'a user who comes back within the grace never left': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.presence.enter('x', claim('c1', 'ada'))
    await a.adapter.presence.exit('x', 'c1', 60_000)
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['ada'], 'still there')
    await b.adapter.presence.enter('x', claim('c2', 'ada'))
    t.strictSame(changesOf(await presenceOf(b, a, 'x')), [{ joined: [{ user: 'ada', data: {} }] }], 'nobody was told otherwise')
  },

  'a user who does not come back has left when the grace is over': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.presence.enter('x', claim('c1', 'ada'))
    await a.adapter.presence.exit('x', 'c1', 20)
    const told = await b.changes.until('x', ({ change }) => change.left !== undefined)
    t.strictSame(changesOf(told), [{ joined: [{ user: 'ada', data: {} }] }], 'after the one that she joined')
    t.strictSame(usersOf(await a.adapter.presence.list('x')), [], 'gone')
  },

  'an exit without grace does not cut a grace short that runs already': async (t, [a, b]) => {
    await subscribe('x', b)
    for (const connection of ['c1', 'c2']) await a.adapter.presence.enter('x', claim(connection, 'ada'))
    await a.adapter.presence.exit('x', 'c1', 60_000)
    await a.adapter.presence.exit('x', 'c2')
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['ada'], 'still there')
  },

  'new data of a user who is there is an update, the same data is none': async (t, [a, b]) => {
    await subscribe('x', a)
    await a.adapter.presence.enter('x', claim('c1', 'ada', { name: 'Ada' }))
    await b.adapter.presence.enter('x', claim('c2', 'ada', { name: 'Ada' }))
    await b.adapter.presence.enter('x', claim('c3', 'ada', { name: 'Countess' }))
    const entry = { user: 'ada', data: { name: 'Countess' } }
    t.strictSame(changesOf(await presenceOf(a, b, 'x')).slice(1), [{ updated: [entry] }], 'one update')
    t.strictSame((await a.adapter.presence.list('x')).entries.filter(({ user }) => user === 'ada'), [entry], 'and the newest data counts')
  },

  'taking back a claim that is not there changes nothing': async (t, [a, b]) => {
    await subscribe('x', a)
    await a.adapter.presence.enter('x', claim('c1', 'ada'))
    await b.adapter.presence.exit('x', 'c2')
    await b.adapter.presence.exit('y', 'c1')
    t.strictSame((await presenceOf(a, b, 'x')).length, 1, 'nobody left')
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['ada', 'the end'], 'she is still there')
  },

  'the numbers of changes grow by one, and tell which of them a snapshot holds': async (t, [a, b]) => {
    await subscribe('x', a)
    for (const user of ['ada', 'bob', 'cleo']) await b.adapter.presence.enter('x', claim(user, user))
    const { epoch, sequence } = await a.adapter.presence.list('x')
    for (const user of ['ada', 'bob']) await b.adapter.presence.exit('x', user)
    const told = await presenceOf(a, b, 'x')
    t.strictSame(told.map((one) => one.sequence - (told[0] as Numbered).sequence), [0, 1, 2, 3, 4], 'one after another')
    t.strictSame(told.map((one) => one.epoch === epoch && one.sequence <= sequence), [true, true, true, false, false], 'the first three are in the snapshot')
  },

  'after a channel was empty its numbers begin anew, in another epoch': async (t, [a, b]) => {
    await subscribe('x', a)
    await b.adapter.presence.enter('x', claim('c1', 'ada'))
    await b.adapter.presence.exit('x', 'c1')
    await b.adapter.presence.enter('x', claim('c2', 'bob'))
    const [first] = await a.changes.until('x', joined('bob')) as [Numbered]
    const last = a.changes.of('x').at(-1) as Numbered
    t.ok(last.epoch !== first.epoch && last.sequence === 1, 'else a node would take news for old')
  },

  'a crowd is listed and counted, each user once': async (t, [a, b]) => {
    const users = Array.from({ length: 1_200 }, (_, i) => `user ${i}`)
    await Promise.all(users.flatMap((user, i) => [a, b].map(({ adapter }, n) => adapter.presence.enter('x', claim(`${n}-${i}`, user, { i })))))
    t.strictSame(usersOf(await b.adapter.presence.list('x')), [...users].sort(), 'all of them')
    t.strictSame([await a.adapter.presence.count('x'), await a.adapter.presence.count('y')], [users.length, 0], 'and counted')
  }
}
