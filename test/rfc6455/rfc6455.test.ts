import t, { type Test } from 'tap'
import { cases } from '../support/long-form.ts'
import { close } from '../support/hostile/frames.ts'
import { serveEcho } from '../support/rfc6455/echo-server.ts'
import { limitRows, roundTripRows } from '../support/rfc6455/limits.ts'
import { bytesOf, Peer } from '../support/rfc6455/peer.ts'
import { groups, type Row } from '../support/rfc6455/rows.ts'

/** The largest message of group 9. */
const largest = cases(16 * 1_024 * 1_024, 256 * 1_024)

/** What differs from the row, shortened; undefined if nothing does. */
async function differenceOf (row: Row, port: number, deflate: boolean): Promise<string | undefined> {
  const peer = await Peer.open(port, deflate)
  const { receives } = { ...row, ...deflate && row.receivesDeflated && { receives: row.receivesDeflated } }
  const serverCloses = receives.at(-1)?.startsWith('close') === true
  const expected = serverCloses ? receives : [...receives, 'close 1000']
  await peer.write(Buffer.concat(row.sends.map((sent) => bytesOf(sent, deflate))), row.chop)
  if (!serverCloses) {
    await peer.received(receives.length)
    await peer.write(close(1000))
  }
  await peer.ended
  // An optional echo is left out on both sides.
  const optional = expected.filter((event) => event.startsWith('?')).map((event) => event.slice(1))
  const got = peer.events.filter((event) => !optional.includes(event))
  const wanted = expected.filter((event) => !event.startsWith('?'))
  if (got.length === wanted.length && got.every((event, i) => event === wanted[i])) return undefined
  const short = (events: readonly string[]) => events.map((event) => event.slice(0, 80)).join(', ')
  return `${row.id} ${row.title}${deflate ? ', compressed' : ''}: got ${short(got)}; expected ${short(wanted)}`
}

async function check (t: Test, rows: readonly Row[], port: number): Promise<void> {
  const differences = []
  for (const row of rows) {
    for (const deflate of [false, true]) differences.push(await differenceOf(row, port, deflate))
  }
  t.strictSame(differences.filter((difference) => difference), [], `${rows.length} rows, plain and compressed`)
}

t.test('RFC 6455: the groups of Autobahn, with and without compression', async (t) => {
  const port = await serveEcho(t, 65_536)
  for (const [name, rows] of groups) await t.test(`RFC 6455: group ${name}`, (t) => check(t, rows, port))
})

t.test('RFC 6455: group 9 limits, with and without compression', async (t) => {
  const port = await serveEcho(t, largest)
  await check(t, limitRows(largest), port)
  await check(t, roundTripRows(cases(1_000, 50)), port)
})
