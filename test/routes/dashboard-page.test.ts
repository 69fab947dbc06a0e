import t from 'tap'
import { connect } from '../../lib/client/index.ts'
import type { Position } from '../../lib/protocol/position.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { FakeWebSocket } from '../../lib/testing/fake-web-socket.ts'
import { advance, emptyBoard, type Board, type Delta } from '../../routes/dashboard/board.ts'
import { caughtUpLine, Follower } from '../../routes/dashboard/page/follower.ts'
import { Line } from '../../routes/dashboard/page/line.ts'
import { drawingsOf, drawingText, nodesOf, rowsOf } from '../../routes/dashboard/page/readings.ts'

const at = (offset: number): Position => ({ epoch: 'e', offset, hash: `l${offset}` })
const delta = (second: number): Delta => ({ at: second, by: 'a', set: { 'a/cpu': second }, del: [] })
const board: Board = { metrics: { 'a/cpu': 3 }, points: { at: [3], series: { 'a/cpu': [3] } } }

function followed (): Follower {
  const follower = new Follower()
  follower.begin('fresh', at(3), board)
  follower.take(delta(4), 4)
  return follower
}

t.test('follower: the page follows the board', async (t) => {
  const follower = followed()
  t.strictSame(follower.board, advance(board, delta(4)))
  t.equal(follower.keeper, 'a')
  t.equal(follower.caughtUp, undefined, 'there was nothing to catch up with')
  follower.begin('slow', at(9))
  t.strictSame(follower.board, emptyBoard)
  t.equal(follower.caughtUp, undefined, 'the connection was there all the time')
})

t.test('follower: missed deltas are counted when they arrive', async (t) => {
  const follower = followed()
  follower.lost()
  follower.take(delta(5), 5)
  follower.lost()
  follower.take(delta(6), 6)
  t.equal(follower.caughtUp, undefined, 'not all of it is there')
  follower.recovered()
  t.strictSame(follower.caughtUp, { missed: 2, recovered: 2 })
  t.equal(caughtUpLine({ missed: 2, recovered: 2 }), 'Caught up: 2 of 2 seconds missed came afterwards, in order.')
  t.equal(caughtUpLine({ missed: 1, recovered: 1 }), 'Caught up: 1 of 1 second missed came afterwards, in order.')
  t.equal(caughtUpLine({ missed: 0, recovered: 0 }), 'Caught up: nothing was missed.')
  follower.take(delta(7), 7)
  follower.recovered()
  t.strictSame(follower.caughtUp, { missed: 2, recovered: 2 }, 'what comes live was not missed')
})

t.test('follower: a resync after too many missed deltas is reported', async (t) => {
  const follower = followed()
  follower.lost()
  follower.begin('trimmed', at(900), board)
  t.strictSame(follower.caughtUp, { missed: 896, recovered: 0, resyncReason: 'trimmed' })
  t.match(caughtUpLine({ missed: 896, recovered: 0, resyncReason: 'trimmed' }), /^Too much was missed .*\(trimmed\)/)
})

t.test('follower: a connection lost before the first board is not counted', async (t) => {
  const follower = new Follower()
  follower.lost()
  follower.begin('fresh', at(3), board)
  t.equal(follower.caughtUp, undefined)
})

t.test('readings: a board is read node by node', async (t) => {
  const mixed: Board = {
    metrics: {
      'b/cpu': 12.5,
      'a/rejected.rate_limited': 1_234,
      'a/connections': 2,
      'a/rejected.forbidden': 1,
      'a/bytes.in': 1_234.5
    },
    points: { at: [1_000, 2_000], series: { 'b/cpu': [null, 12.5] } }
  }
  t.strictSame(nodesOf(mixed), ['a', 'b'])
  t.strictSame(rowsOf(mixed, 'a'), [
    { label: 'Received', value: '1,235 kB/s' },
    { label: 'Connections', value: '2' },
    { label: 'Rejected, forbidden', value: '1' },
    { label: 'Rejected, rate_limited', value: '1,234' }
  ])
  t.strictSame(rowsOf(mixed, 'b'), [{ label: 'CPU', value: '12.5 %' }])
  const drawings = drawingsOf(mixed, 'b')
  t.strictSame(drawings.map(({ title }) => title), ['Event loop delay', 'Busy', 'Memory', 'Messages'])
  t.strictSame(drawings[1], {
    title: 'Busy',
    unit: '%',
    at: [1, 2],
    lines: [{ label: 'Loop busy', points: [null, null] }, { label: 'CPU', points: [null, 12.5] }]
  })
  t.equal(drawingText(drawings[1] as typeof drawings[number]), 'Busy: Loop busy unknown, CPU 12.5 %')
})

const settled = () => new Promise((resolve) => setImmediate(resolve))

t.test('line: a cut line lets nothing through until it is mended', async (t) => {
  const sockets: FakeWebSocket[] = []
  class Socket extends FakeWebSocket {
    constructor (url: string, protocols: string[]) {
      super(url, protocols)
      sockets.push(this)
    }
  }
  const clock = new FakeClock()
  const line = new Line(Socket, () => 0.5)
  line.mend()
  t.notOk(line.isCut, 'it was whole')
  line.cut()
  t.ok(line.isCut, 'before there was a connection')
  line.mend()
  const client = connect('ws://here/', { ...line.options, clock })
  await settled()
  sockets[0]?.accept()
  t.equal(client.state, 'open')

  line.cut()
  t.equal(sockets[0]?.closedWith, 4000)
  sockets[0]?.end(4000)
  t.equal(client.state, 'connecting')
  for (let i = 0; i < 60; i++) {
    clock.advance(1_000)
    await settled()
  }
  t.equal(sockets.length, 1, 'a minute long')
  line.mend()
  await settled()
  t.equal(sockets.length, 2, 'and then at once')
  t.strictSame(sockets[1]?.protocols, ['fastify-channels.v1'])
  sockets[1]?.accept()
  t.equal(client.state, 'open')
  sockets[1]?.end(1006)
  t.ok((clock.next as number) > 0, 'a network that fails by itself is given time')
  client.close()
})
