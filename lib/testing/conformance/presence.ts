import {
  changesTo, connectionOf, joined, subscribe, TestMember, usersOf, type RecordedChange, type TestNode
} from './test-node.ts'
import type { Rules } from './rule.ts'

const plain = (changes: readonly RecordedChange[]) => changes.map(({ change }) => change)

/** Members join on two nodes at once, two of them as the same user with other data. Resolves when all know of all. */
async function joinTogether (a: TestNode, b: TestNode): Promise<TestMember[]> {
  const joins = [[a, 'ada'], [b, 'ada'], [b, 'bob'], [a, 'cleo']] as const
  const members = joins.map(([node, user], i) => new TestMember(node, `c${i}`, user))
  await Promise.all(members.map((member, n) => member.join('x', { n })))
  const again = new TestMember(a, 'again', 'bob')
  await again.join('x', { n: 'again' })
  await a.adapter.presence.enter('x', connectionOf('the end', 'the end'))
  for (const { users } of [...members, again]) await users.until('x', (user) => user === 'the end')
  return [...members, again]
}

export const presenceRules: Rules = {
  'presence: a channel is empty at first': async (t, [a]) => {
    t.strictSame(usersOf(await a.adapter.presence.list('x')), [], 'nobody is present')
  },

  'presence: a user is present on every node, with its data': async (t, [a, b]) => {
    const data = { name: 'Ada', list: [1, { deep: null }] }
    await a.adapter.presence.enter('x', connectionOf('c1', 'ada', data))
    for (const { adapter } of [a, b]) {
      t.strictSame(
        (await adapter.presence.list('x')).entries,
        [{ user: 'ada', data }],
        'the user is listed with its data'
      )
    }
    t.strictSame(usersOf(await b.adapter.presence.list('y')), [], 'no other channel lists the user')
  },

  'presence: a change reaches every subscribed node, its origin included': async (t, [a, b, c]) => {
    await subscribe('x', a, b)
    await a.adapter.presence.enter('x', connectionOf('c1', 'ada', { n: 1 }))
    await a.adapter.presence.exit('x', 'c1')
    for (const node of [a, b]) {
      t.strictSame(
        plain(await changesTo(node, b, 'x')),
        [{ joined: [{ user: 'ada', data: { n: 1 } }] }, { left: ['ada'] }],
        'both changes arrive in order'
      )
      await b.adapter.presence.exit('x', 'the end')
    }
    await subscribe('x', c)
    await b.adapter.presence.enter('x', connectionOf('c2', 'bob'))
    t.ok(
      (await c.changes.until('x', joined('bob'))).every((change) => !joined('ada')(change)),
      'a later subscriber receives later changes only'
    )
  },

  'presence: a repeated enter changes nothing': async (t, [a, b]) => {
    await subscribe('x', a)
    for (let i = 0; i < 2; i++) await b.adapter.presence.enter('x', connectionOf('c1', 'ada'))
    t.strictSame((await changesTo(a, b, 'x')).length, 1, 'one change is announced')
    await b.adapter.presence.exit('x', 'c1')
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['the end'], 'one exit removes the connection')
  },

  'presence: several connections of a user are one entry until the last exits': async (t, [a, b]) => {
    await subscribe('x', a)
    await a.adapter.presence.enter('x', connectionOf('c1', 'ada'))
    await b.adapter.presence.enter('x', connectionOf('c2', 'ada'))
    t.strictSame(usersOf(await a.adapter.presence.list('x')), ['ada'], 'the user is listed once')
    await a.adapter.presence.exit('x', 'c1')
    t.strictSame(usersOf(await a.adapter.presence.list('x')), ['ada'], 'the other connection keeps the user present')
    await b.adapter.presence.exit('x', 'c2')
    t.strictSame(usersOf(await a.adapter.presence.list('x')), [], 'the last exit removes the user')
    t.strictSame(
      plain(await changesTo(a, b, 'x')),
      [{ joined: [{ user: 'ada', data: {} }] }, { left: ['ada'] }],
      'only the first enter and the last exit are announced'
    )
  },

  'presence: a return within the grace period is not announced': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.presence.enter('x', connectionOf('c1', 'ada'))
    await a.adapter.presence.exit('x', 'c1', 60_000)
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['ada'], 'the user is still present')
    await b.adapter.presence.enter('x', connectionOf('c2', 'ada'))
    t.strictSame(plain(await changesTo(b, a, 'x')), [{ joined: [{ user: 'ada', data: {} }] }], 'no leave is announced')
  },

  'presence: an exit without a grace period does not shorten a running one': async (t, [a, b]) => {
    await subscribe('x', b)
    for (const connection of ['c1', 'c2']) await a.adapter.presence.enter('x', connectionOf(connection, 'ada'))
    await a.adapter.presence.exit('x', 'c1', 60_000)
    await a.adapter.presence.exit('x', 'c2')
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['ada'], 'the user is still present')
  },

  'presence: other data of a present user is an update, the same data is none': async (t, [a, b]) => {
    await subscribe('x', a)
    await a.adapter.presence.enter('x', connectionOf('c1', 'ada', { name: 'Ada' }))
    await b.adapter.presence.enter('x', connectionOf('c2', 'ada', { name: 'Ada' }))
    await b.adapter.presence.enter('x', connectionOf('c3', 'ada', { name: 'Countess' }))
    const entry = { user: 'ada', data: { name: 'Countess' } }
    t.strictSame(plain(await changesTo(a, b, 'x')).slice(1), [{ updated: [entry] }], 'one update is announced')
    t.strictSame(
      (await a.adapter.presence.list('x')).entries.filter(({ user }) => user === 'ada'),
      [entry],
      'the newest data counts'
    )
  },

  'presence: a member learns of each user once, and of its own user from the ack of its join': async (t, [a, b]) => {
    const members = await joinTogether(a, b)
    const present = (await b.adapter.presence.list('x')).entries
    const sorted = (known: Iterable<readonly [string, unknown]>) => [...known].sort(([x], [y]) => x < y ? -1 : 1)
    for (const { id, users, known } of members) {
      t.strictSame(users.of('x').sort(), ['ada', 'bob', 'cleo', 'the end'], `${id} learns of each user once`)
      t.strictSame(sorted(known), sorted(present.map(({ user, data }) => [user, data])), `${id} has the newest data`)
    }
    for (const member of members) member.leave('x')
  },

  'presence: an exit of an unknown connection changes nothing': async (t, [a, b]) => {
    await subscribe('x', a)
    await a.adapter.presence.enter('x', connectionOf('c1', 'ada'))
    await b.adapter.presence.exit('x', 'c2')
    await b.adapter.presence.exit('y', 'c1')
    t.strictSame((await changesTo(a, b, 'x')).length, 1, 'no leave is announced')
    t.strictSame(usersOf(await b.adapter.presence.list('x')), ['ada', 'the end'], 'the user is still present')
  },

  'presence: the sequence of changes grows by one and tells which changes a list contains': async (t, [a, b]) => {
    await subscribe('x', a)
    for (const user of ['ada', 'bob', 'cleo']) await b.adapter.presence.enter('x', connectionOf(user, user))
    const { epoch, sequence } = await a.adapter.presence.list('x')
    for (const user of ['ada', 'bob']) await b.adapter.presence.exit('x', user)
    const changes = await changesTo(a, b, 'x')
    t.strictSame(
      changes.map((one) => one.sequence - (changes[0] as RecordedChange).sequence),
      [0, 1, 2, 3, 4],
      'no number is left out'
    )
    t.strictSame(
      changes.map((one) => one.epoch === epoch && one.sequence <= sequence),
      [true, true, true, false, false],
      'the list contains the first three'
    )
  },

  'presence: a channel that was empty starts a new epoch': async (t, [a, b]) => {
    await subscribe('x', a)
    await b.adapter.presence.enter('x', connectionOf('c1', 'ada'))
    await b.adapter.presence.exit('x', 'c1')
    await b.adapter.presence.enter('x', connectionOf('c2', 'bob'))
    const [first] = await a.changes.until('x', joined('bob')) as [RecordedChange]
    const last = a.changes.of('x').at(-1) as RecordedChange
    t.ok(last.epoch !== first.epoch && last.sequence === 1, 'the sequence starts again at 1')
  },

  'presence: 1,200 users with two connections each are listed and counted once': async (t, [a, b]) => {
    const users = Array.from({ length: 1_200 }, (_, i) => `user ${i}`)
    await Promise.all(
      users.flatMap(
        (user, i) => [a, b].map(({ adapter }, n) => adapter.presence.enter('x', connectionOf(`${n}-${i}`, user, { i })))
      )
    )
    t.strictSame(usersOf(await b.adapter.presence.list('x')), [...users].sort(), 'every user is listed once')
    t.strictSame(
      [await a.adapter.presence.count('x'), await a.adapter.presence.count('y')],
      [users.length, 0],
      'every user is counted once'
    )
  }
}
