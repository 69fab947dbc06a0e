import t from 'tap'
import { Presence } from '../../../lib/client/channel/presence.ts'
import { MemoryAdapter } from '../../../lib/memory/memory-adapter.ts'
import type { EncodedMessage } from '../../../lib/protocol/encoding.ts'
import { maxPresenceListBytes } from '../../../lib/protocol/envelope.ts'
import type { PageSource } from '../../../lib/protocol/when-slow.ts'
import type { Rooms } from '../../../lib/rooms/rooms.ts'
import { Random } from '../../support/random.ts'
import { cluster, FakeMember, leave, started } from '../../support/rooms.ts'

const envelopeBytes = 100

interface Payload {
  readonly present?: ReadonlyArray<{ user: string }>
  readonly more?: boolean
  readonly joined?: ReadonlyArray<{ user: string }>
  readonly left?: readonly string[]
}

/** A member that gets the next page when the test says so, and keeps the presence as a client does. */
class PacedMember extends FakeMember {
  readonly presence = new Presence(() => {})
  isPartial = false
  #source: PageSource | undefined

  override send (bytes: EncodedMessage): void {
    super.send(bytes)
    this.presence.change(JSON.parse(String(bytes)).payload)
  }

  override sendPages (source: PageSource): void {
    this.#source = source
  }

  async join (rooms: Rooms, data: object, limit = Infinity): Promise<string> {
    await rooms.openRoom('x', { list: 'all' })
    await rooms.enterPresence('x', this, data)
    rooms.addMember('x', this)
    const { json, isPartial } = rooms.presenceAckFor('x', this, data, limit) as { json: Buffer, isPartial: boolean }
    this.isPartial = isPartial
    this.presence.replace({ presence: JSON.parse(String(json)) })
    return String(json)
  }

  /** Takes the next page; false where there is none. */
  readPage (): boolean {
    const page = this.#source?.nextPage(this.id)
    if (page) this.send(page)
    return page !== undefined
  }

  readAll (): void {
    while (this.readPage()) if (this.received.length > 1_000) throw new Error('there is no last page')
  }

  get users (): string[] {
    return (this.presence.view as ReadonlyArray<{ user: string }>).map(({ user }) => user).sort()
  }

  get messages (): Payload[] {
    return this.payloads as Payload[]
  }
}

/** Until gathered changes are announced. */
const announced = async () => { for (let i = 0; i < 2; i++) await new Promise(setImmediate) }

const names = (count: number, prefix = 'user') => Array.from({ length: count }, (_, i) => `${prefix}-${i}`)

async function enter (rooms: Rooms, users: readonly string[], bytes = 400): Promise<void> {
  for (const user of users) await rooms.enterPresence('x', { id: user, userId: user }, { text: 'x'.repeat(bytes) })
}

/** Changes the data of present users. */
async function change (rooms: Rooms, users: readonly string[], bytes: number): Promise<void> {
  for (const user of users) {
    const tab = { id: `tab of ${user}`, userId: user }
    await rooms.enterPresence('x', tab, { text: 'x'.repeat(bytes) })
    rooms.exitPresence('x', tab, 0)
  }
}

function exit (rooms: Rooms, users: readonly string[]): void {
  for (const id of users) rooms.exitPresence('x', { id }, 0)
}

t.test('presence: a list over 512 KiB comes in pages, and names each user once', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  await enter(elsewhere, names(3_000))
  const ada = new PacedMember('ada')
  const ack = await ada.join(here, { text: 'ada' })
  t.ok(ada.isPartial && ack.length <= maxPresenceListBytes, `${ack.length} bytes`)
  t.ok(ack.length > maxPresenceListBytes - 1_000, 'the first page is full')
  t.match(JSON.parse(ack).at(-1), { user: 'ada' }, 'the first page has the own entry')
  ada.readAll()
  await announced()
  t.ok(ada.received.every(({ length }) => length < maxPresenceListBytes + envelopeBytes))
  t.strictSame(ada.messages.map(({ more }) => more), [true, undefined], 'the last page has no more')
  t.strictSame(ada.users, ['ada', ...names(3_000)].sort())
  const inPages = ada.messages.flatMap(({ present = [] }) => present)
  t.equal(JSON.parse(ack).length + inPages.length, 3_001, 'no user is named twice')
})

t.test('presence: a list of 512 KiB is one message', async (t) => {
  const { rooms: [here] } = cluster()
  const ada = new PacedMember('ada')
  const others = maxPresenceListBytes - '[{"user":"u","data":{"text":""}},{"user":"ada","data":{}}]'.length
  await enter(here, ['u'], others)
  t.equal((await ada.join(here, {})).length, maxPresenceListBytes)
  t.notOk(ada.isPartial)
  leave(here, ada)
  const bob = new PacedMember('bobby')
  t.match(JSON.parse(await bob.join(here, {})), [{ user: 'bobby' }], 'with one more byte the other user is on a page')
  bob.readAll()
  t.strictSame(bob.users, ['bobby', 'u'])
})

t.test('presence: members who get the same page share its bytes, the own entry is on no page', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  await enter(elsewhere, names(2_500))
  const members = ['ada', 'bob', 'user-2400'].map((user) => new PacedMember(`${user} here`, user))
  for (const member of members) await member.join(here, { text: 'x'.repeat(400) })
  for (const member of members) member.readAll()
  const [ada, bob, again] = members as [PacedMember, PacedMember, PacedMember]
  t.ok(ada.received.length > 0 && ada.received.every((page, i) => page === bob.received[i]), 'the same pages')
  t.notOk(again.messages.flatMap(({ present = [] }) => present).some(({ user }) => user === 'user-2400'))
  t.strictSame(again.users, names(2_500).sort())
  await announced()
  t.strictSame([...bob.users, ...bob.messages.at(-1)?.left ?? []], ['ada', 'bob', ...names(2_500)].sort())
})

t.test('presence: the ack has less of the list beside a large history, and pages have the rest', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  await enter(elsewhere, names(20))
  const [short, none] = [new PacedMember('short'), new PacedMember('user-7 again', 'user-7')]
  const ack = await short.join(here, {}, 2_000)
  t.ok(short.isPartial && ack.length <= 2_000 && ack.length > 1_500, `${ack.length} bytes`)
  t.equal(await none.join(here, { text: 'y'.repeat(400) }, 100), '[]', 'not even the own entry fits')
  for (const member of [short, none]) {
    member.readAll()
    await announced()
    t.strictSame(member.users, [...names(20), 'short'].sort())
  }
  t.match(none.presence.view, [{ user: 'short' }, { user: 'user-7', data: { text: /^y/ } }])
})

t.test('presence: a user who left does not come back with a later page', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  await enter(elsewhere, names(3_000))
  const ada = new PacedMember('ada')
  await ada.join(here, {})
  exit(elsewhere, names(3_000))
  await announced()
  t.equal(ada.messages.at(-1)?.left?.length, 3_000)
  ada.readAll()
  t.strictSame(ada.messages.at(-1), { present: [] }, 'the last page comes, although its users have left')
  t.strictSame(ada.users, ['ada'])
})

t.test('presence: a change over 512 KiB comes in parts, each complete', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const [ada, bob] = [new PacedMember('ada'), new PacedMember('bob')]
  await ada.join(here, {})
  await announced()
  await bob.join(here, {})
  await enter(elsewhere, names(3_000))
  await announced()
  ada.readAll()
  bob.readAll()
  t.equal(ada.received.length, 3)
  t.ok(ada.received.every(({ length }) => length < maxPresenceListBytes + envelopeBytes))
  for (const member of [ada, bob]) t.strictSame(member.users, ['ada', 'bob', ...names(3_000)].sort())
  t.notOk(bob.messages.flatMap(({ joined = [] }) => joined).some(({ user }) => user === 'bob'), 'not the own joining')
  t.equal(ada.received[1], bob.received[1], 'the parts are shared')
  exit(elsewhere, names(3_000))
  const long = names(1_200, 'long'.repeat(120))
  await enter(elsewhere, long, 1)
  await announced()
  exit(elsewhere, long)
  await announced()
  ada.readAll()
  t.equal(ada.received.length, 6, 'users who joined and left meanwhile are not named as joined')
  t.strictSame(ada.users, ['ada', 'bob'], 'also of users who left')
})

t.test('presence: users who return before a page of those who left is sent are not on it', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const ada = new PacedMember('ada')
  await ada.join(here, {})
  const long = names(1_200, 'long'.repeat(120))
  await enter(elsewhere, long, 1)
  await announced()
  ada.readAll()
  exit(elsewhere, long)
  await announced()
  const back = long.slice(0, 3)
  await enter(elsewhere, back, 1)
  await announced()
  ada.readAll()
  t.notOk(ada.messages.flatMap(({ left = [] }) => left).some((user) => back.includes(user)))
  t.strictSame(ada.users, ['ada', ...back].sort())
})

t.test('presence: a member with many waiting lists gets the next one as ordinary messages', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  const ada = new PacedMember('ada')
  await ada.join(here, {})
  await enter(elsewhere, names(1_500))
  await announced()
  for (let i = 0; i < 7; i++) {
    await change(elsewhere, names(1_500), 401 + i)
    await announced()
  }
  t.equal(ada.received.length, 0, 'its lists wait')
  await change(elsewhere, names(1_500), 500)
  await announced()
  t.equal(ada.received.length, 2)
  ada.readAll()
  t.strictSame(ada.users, ['ada', ...names(1_500)].sort())
  t.ok((ada.presence.view as ReadonlyArray<{ data: { text?: string } }>).slice(1)
    .every(({ data }) => data.text?.length === 500))
})

t.test('presence: pages of a membership that ended are not sent', async (t) => {
  const { rooms: [here, elsewhere] } = cluster()
  await enter(elsewhere, names(3_000))
  const ada = new PacedMember('ada')
  await ada.join(here, {})
  leave(here, ada)
  t.notOk(ada.readPage())
  await ada.join(here, {})
  ada.readAll()
  t.strictSame(ada.users, ['ada', ...names(3_000)].sort())
})

t.test('presence: random changes between pages leave each member with the list of the server', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000_000)
  t.comment(`seed ${seed}`)
  const random = new Random(seed)
  const adapter = new MemoryAdapter()
  const rooms = started(adapter)
  const all = names(400)
  await enter(rooms, all, 4_000)
  const members = [new PacedMember('ada'), new PacedMember('bob'), new PacedMember('user-399 here', 'user-399')]
  for (let step = 0; step < 120; step++) {
    if (step % 40 === 0) await members[step / 40]?.join(rooms, { text: 'own' })
    const some = Array.from({ length: 1 + random.below(random.pick([3, 300])) }, () => random.pick(all))
    if (random.chance(40)) exit(rooms, some)
    else if (random.chance(50)) await change(rooms, some, 4_000 + random.below(3))
    else await enter(rooms, some, 4_000 + random.below(3))
    if (random.chance(60)) await announced()
    for (const member of members) if (random.chance(15)) member.readPage()
  }
  await announced()
  const { entries } = await adapter.presence.list('x')
  const sorted = (list: unknown) => (list as typeof entries).toSorted((a, b) => a.user < b.user ? -1 : 1)
  for (const member of members) {
    member.readAll()
    t.strictSame(sorted(member.presence.view), sorted(entries), member.id)
  }
})
