import { deepStrictEqual } from 'node:assert'
import type { Writable } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import * as ws from 'ws'
import { readFrames } from '../../plugins/server/frame-reader.ts'

const maxPayload = 60_000

const { Receiver } = ws as unknown as { Receiver: new (options: object) => Writable }

function receiverOf (): Writable {
  return new Receiver({ isServer: true, maxPayload, maxFragments: 4 })
}

function frame (first: number, payload: Buffer, { mask = [1, 2, 3, 4], length = 'shortest' } = {}): Buffer {
  const isLong = length === 'long' || payload.length > 0xffff
  const isExtended = isLong || length === 'extended' || payload.length > 125
  const header = isLong ? [first, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 0] : [first, 0x80 | payload.length]
  const bytes = Buffer.from(isExtended && !isLong ? [first, 0x80 | 126, 0, 0] : header)
  if (isLong) bytes.writeUIntBE(payload.length, 4, 6)
  else if (isExtended) bytes.writeUInt16BE(payload.length, 2)
  return Buffer.concat([bytes, Buffer.from(mask), payload.map((byte, i) => byte ^ (mask[i & 3] as number))])
}

/** What a receiver emits for these chunks, until its end. */
async function eventsOf (receiver: Writable, chunks: readonly Buffer[]): Promise<unknown[]> {
  const events: unknown[] = []
  for (const name of ['message', 'ping', 'pong', 'conclude']) {
    receiver.on(name, (...args: unknown[]) => events.push([name, ...args.map(String)]))
  }
  const ended = new Promise((resolve) => receiver.once('finish', resolve).once('error', (error) => {
    events.push(['error', (error as { code?: string }).code])
    resolve(undefined)
  }))
  for (const chunk of chunks) if (!receiver.writableEnded) receiver.write(Buffer.from(chunk))
  receiver.end()
  await ended
  return events
}

const text = 0x81
const payloads = fc.oneof(
  fc.string({ unit: 'binary' }).map((value) => Buffer.from(value)),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(0, 1, 125, 126, 127, 0xffff, 0x10000, maxPayload, maxPayload + 1).map((n) => Buffer.alloc(n, 'é')),
  fc.constantFrom(1, 125, 126, 300, 0xffff).map((n) => Buffer.alloc(n, 'a'))
)
const usual = fc.record({
  first: fc.constant(text),
  payload: payloads,
  mask: fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)),
  length: fc.constantFrom('shortest', 'shortest', 'extended', 'long')
})
// Binary, fragments, control frames, and those that RFC 6455 refuses.
const rare = fc.record({ first: fc.constantFrom(0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8a, 0xc1, 0x91, 0x83, 0x09) })
  .chain(({ first }) => payloads.map((payload) => ({ first, payload, mask: [5, 6, 7, 8], length: 'shortest' })))
const frames = fc.array(fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: rare }), { maxLength: 8 })
  .map((all) => Buffer.concat(all.map(({ first, payload, ...rest }) => frame(first, payload, rest))))

/** Cuts bytes at these places. */
function cut (bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end)).filter(({ length }) => length)
}

const places = fc.array(fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 200_000 })), { maxLength: 6 })

t.test('it emits what ws would emit, for all frames and all ways to cut them', async () => {
  await fc.assert(fc.asyncProperty(frames, places, async (bytes, places) => {
    const chunks = cut(bytes, places)
    const own = receiverOf()
    readFrames({ _receiver: own } as never)
    deepStrictEqual(await eventsOf(own, chunks), await eventsOf(receiverOf(), chunks))
  }), { numRuns: 2_000 })
})

/** What reaches the stream of a receiver for one chunk, and the messages that it emits. */
function written (change: object, chunk: Buffer): { stream: Buffer[], messages: string[] } {
  const receiver = Object.assign(receiverOf(), change)
  const stream: Buffer[] = []
  const messages: string[] = []
  receiver.on('message', (message: Buffer) => messages.push(message.toString()))
  readFrames({ _receiver: receiver } as never)
  receiver._write = (chunk: Buffer, _encoding, done) => {
    stream.push(chunk)
    done()
  }
  receiver.write(Buffer.from(chunk))
  return { stream, messages }
}

t.test('whole text messages do not reach the stream of ws, and what follows them does', async (t) => {
  const whole = Buffer.concat([frame(text, Buffer.from('é')), frame(text, Buffer.alloc(300, 'a'))])
  t.strictSame(written({}, whole), { stream: [], messages: ['é', 'a'.repeat(300)] })
  const long = frame(text, Buffer.alloc(300, 'a'), { mask: [0, 0, 0, 0], length: 'long' })
  for (const next of [frame(0x89, Buffer.from('x')), long]) {
    t.strictSame(written({}, Buffer.concat([whole, next])), { stream: [next], messages: ['é', 'a'.repeat(300)] })
  }
})

t.test('all goes to a ws in another state, or without the private members that it has today', async (t) => {
  const message = frame(text, Buffer.from('a'))
  for (const change of [
    { _state: 1 }, { _state: undefined }, { _bufferedBytes: 1 }, { _bufferedBytes: undefined }, { _fragmented: 1 },
    { _fragmented: undefined }, { _opcode: 8 }, { _allowSynchronousEvents: undefined }
  ]) t.strictSame(written(change, message), { stream: [message], messages: [] }, JSON.stringify(change))
  t.strictSame(written({ _maxPayload: 0 }, message).messages, ['a'], 'no limit')
})

t.test('nothing is emitted after a broken frame of which nothing waits', async (t) => {
  const receiver = receiverOf()
  readFrames({ _receiver: receiver } as never)
  const reserved = Buffer.from([0xb1, 0x80])
  t.strictSame(await eventsOf(receiver, [reserved, frame(text, Buffer.from('a'))]), [
    ['error', 'WS_ERR_UNEXPECTED_RSV_2_3']
  ])
})
