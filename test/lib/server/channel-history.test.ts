import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { maxStoredBytes } from '../../../lib/cluster/history-bound.ts'
import type { Append } from '../../../lib/cluster/history.ts'
import { compileChannel } from '../../../lib/contract/compile.ts'
import type { CompiledHistory } from '../../../lib/contract/parts/history.ts'
import { MemoryAdapter } from '../../../lib/memory/memory-adapter.ts'
import { encodeEnvelope } from '../../../lib/protocol/encoding.ts'
import { maxRecoveryBytes } from '../../../lib/protocol/envelope.ts'
import { Behind } from '../../../lib/protocol/errors.ts'
import type { Position } from '../../../lib/protocol/position.ts'
import { Rooms } from '../../../lib/rooms/rooms.ts'
import { ChannelHistory } from '../../../lib/server/messages/channel-history.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'
import { silentLog } from '../../support/silent-log.ts'

const { history: compiled } = compileChannel({
  pattern: 'x',
  definition: {
    pattern: 'x', fromClient: {}, fromServer: {}, history: { limit: 500, ttl: 60_000, snapshot: Type.String() }
  }
})

const message = (payload: unknown): Pick<Append, 'encoded' | 'whenSlow'> => {
  return { encoded: encodeEnvelope({ type: 'said', channel: 'x', payload }), whenSlow: undefined }
}

/** A history on a memory adapter that counts its reads. `isCutOff`: no entry reaches the node by itself. */
function makeHistory (t: Test, isCutOff = false) {
  const adapter = new MemoryAdapter()
  const rooms = new Rooms(adapter, new FakeClock())
  const lost = isCutOff && { entriesAppended: () => {} }
  adapter.start({ ...rooms.adapterEvents, ...lost, revoked: () => {}, requested: () => undefined })
  const reads = t.capture(adapter.history, 'read', adapter.history.read)
  return { rooms, reads, history: new ChannelHistory(rooms, 'x', compiled as CompiledHistory, silentLog) }
}

async function behindOf (append: Promise<unknown>): Promise<Behind> {
  const error: unknown = await append.catch((error: unknown) => error)
  if (!(error instanceof Behind)) throw new Error('the append was not refused')
  return error
}

t.test('history: 100 appends at invented positions read nothing on a node that follows the history', async (t) => {
  const { rooms, reads, history } = makeHistory(t)
  await rooms.openRoom('x', { initial: 10 })
  const first = await history.append('1', message('one'))
  const second = await history.append('2', message('two'), { after: first, snapshot: 'state' })
  await history.append('3', message('three'))
  reads()
  for (let i = 0; i < 100; i++) {
    const invented: Position = { epoch: `${i}`, offset: i, hash: 'invented' }
    t.equal((await behindOf(history.append('4', message('four'), { after: invented }))).position.offset, 3)
  }
  t.strictSame(reads(), [], 'the node has all entries')
  const behind = await behindOf(history.append('4', message('four'), { after: second }))
  t.match(behind, { reason: undefined, messages: [{ type: 'said', payload: 'three', offset: 3, prev: second.hash }] })
  t.equal(behind.snapshot, undefined, 'a recovery without a reason needs no snapshot')
  t.equal(behind.messages, behind.messages, 'the messages are parsed once')
  const foreign = await behindOf(history.append('4', message('four'), { after: { ...first, epoch: 'another' } }))
  t.match(foreign, { reason: 'epoch', snapshot: { offset: 2, state: 'state' }, messages: [{ payload: 'three' }] })
})

t.test('history: after a refused append, a node that does not follow the history reads what came after', async (t) => {
  const { reads, history } = makeHistory(t)
  const first = await history.append('1', message('one'))
  await history.append('2', message('two'))
  reads()
  const behind = await behindOf(history.append('3', message('three'), { after: first }))
  t.match(behind, { position: { offset: 2 }, messages: [{ payload: 'two', offset: 2 }] })
  t.strictSame(reads().map(({ args }) => args), [['x', { epoch: first.epoch, offset: 1, hash: first.hash, id: '1' }]])
})

t.test('history: after a refused append, a node that lacks entries reads only those', async (t) => {
  const { rooms, reads, history } = makeHistory(t, true)
  await rooms.openRoom('x', { initial: 10 })
  const { epoch } = await history.append('1', message('one'))
  reads()
  const behind = await behindOf(history.append('2', message('two'), { after: { epoch, offset: 0, hash: '' } }))
  t.match(behind, { position: { offset: 1 }, messages: [{ payload: 'one', offset: 1 }] })
  t.strictSame(reads().map(({ args }) => args), [['x', { epoch, offset: 0, hash: '' }]])
})

t.test('history: a snapshot and the entries after it never exceed a message of 1 MiB', async (t) => {
  const { rooms, history } = makeHistory(t)
  const { position } = await history.read()
  await history.append('1', message('one'), { after: position, snapshot: 'x'.repeat(maxStoredBytes - 2) })
  for (let i = 0; ; i++) {
    const error: unknown = await history.append(`n${i}`, message('x')).then(() => undefined, (error: unknown) => error)
    if (error) {
      t.match(error, { code: 'history_full' })
      break
    }
  }
  await rooms.openRoom('x', { initial: 10 })
  const member = { id: 'm', userId: undefined, send: () => {}, sendResync: () => {}, sendPages: () => {} }
  rooms.addMember('x', member)
  const content = rooms.recoveryAfter('x', undefined)
  const size = (content?.snapshot?.state.length ?? 0) + Buffer.concat(content?.messages ?? []).length
  t.ok(size > 1_000_000 && size < maxRecoveryBytes - 30_000, `${size} bytes leave room for the envelope`)
})

t.test('history: a durable append waits for the replicas, and says what became of its entry', async (t) => {
  const { rooms } = makeHistory(t)
  const durable = { replicas: 1, timeoutMs: 100 }
  const { histories } = rooms
  const history = new ChannelHistory(rooms, 'x', { ...compiled as CompiledHistory, durable }, silentLog)
  const offsets: Array<number | undefined> = []
  const append = (id: string) => history.append(id, message(id), undefined, (offset) => offsets.push(offset))
  t.equal((await append('1')).offset, 1, 'in memory there is no replica to wait for')
  const asked = t.capture(histories, 'confirm', async () => { throw new Error('no replica') })
  await t.rejects(append('2'), { code: 'unavailable', appended: 2, retryAfter: 500 })
  t.match(asked.args(), [['x', [{ id: '2' }], durable]])
  t.intercept(histories, 'confirm', { value: async () => false })
  await t.rejects(append('3'), { code: 'unavailable', appended: undefined }, 'it is lost')
  await history.confirm([])
  t.strictSame(offsets, [1, 2, 3, undefined])
})

t.test('history: a message or a snapshot that no recovery has room for is refused', async (t) => {
  const { history } = makeHistory(t)
  const { position } = await history.read()
  await t.rejects(history.append('1', message('x'.repeat(maxStoredBytes))), {
    code: 'FST_CHANNELS_USAGE',
    message: new RegExp("^the message for the history of 'x' has \\d+ bytes: " +
      'store at most 1014784, so that a recovery stays below 1 MiB$')
  })
  await t.rejects(history.append('1', message('one'), { after: position, snapshot: 'ä'.repeat(maxStoredBytes / 2) }), {
    code: 'FST_CHANNELS_USAGE', message: /^the snapshot for the history of 'x' has 1014786 bytes: store at most /
  })
  t.equal((await history.read()).position.offset, 0, 'nothing was appended')
})
