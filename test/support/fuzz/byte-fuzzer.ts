import assert from 'node:assert/strict'
import type { Test } from 'tap'
import { Random } from '../random.ts'
import { frame, ping, question, readAck } from '../hostile/frames.ts'
import { handshake, readAnswer, type RequestParts } from '../hostile/http.ts'
import type { RawSocket } from '../hostile/raw-socket.ts'
import { Target } from '../hostile/target.ts'

/** Connections of one run. After each run the next valid client is served, and nothing is left of them. */
const connectionsPerRun = 20

/** Random bytes at one of the two places where bytes of strangers come in. */
export class ByteFuzzer {
  readonly counts: Record<string, number> = {}
  readonly #target: Target
  readonly #t: Test
  readonly #send: (random: Random) => Promise<string>

  private constructor (t: Test, target: Target, send: (target: Target, random: Random) => Promise<string>) {
    this.#t = t
    this.#target = target
    this.#send = (random) => send(target, random)
  }

  /** Frames after the upgrade: sound ones are answered, random ones leave nothing behind. */
  static async startFrames (t: Test): Promise<ByteFuzzer> {
    return new ByteFuzzer(t, await Target.start(t, { channels: { limits: false } }), sendFrames)
  }

  /** Requests: each gets an answer or a close. */
  static async startRequests (t: Test): Promise<ByteFuzzer> {
    // Fastify itself logs these of a body that nobody asked for, with a trace.
    const tracedByOthers = ['Unsupported Media Type', 'Request body size did not match Content-Length']
    return new ByteFuzzer(t, await Target.start(t, { channels: { limits: false }, tracedByOthers }), sendRequest)
  }

  async run (seed: number): Promise<void> {
    const random = new Random(seed)
    try {
      for (let i = 0; i < connectionsPerRun; i++) this.#count(await this.#send(random))
      await this.#target.prove(this.#t)
    } catch (error) {
      throw new Error(`bytes ${seed} (repeat it with --seed ${seed} --runs 1): ${(error as Error).message}`)
    }
  }

  /** What all replies and the log must not hold. It counts file descriptors, so nothing else may run in the process. */
  finish (): Promise<void> {
    return this.#target.finish(this.#t)
  }

  async close (): Promise<void> {}

  #count (kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
  }
}

/** Writes the bytes in pieces of random sizes, each in an iteration of the event loop of its own. */
async function writeInPieces (random: Random, raw: RawSocket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length && !raw.isOver;) {
    const length = 1 + random.below(random.pick([2, 20, 1_000]))
    raw.write(bytes.subarray(at, at + length))
    at += length
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function randomFrame (random: Random): Buffer {
  const payload = Buffer.from(Array.from({ length: random.below(random.pick([1, 130, 300])) }, () => random.below(256)))
  return frame(payload, {
    fin: random.chance(70),
    rsv: random.chance(15) ? random.below(8) : 0,
    opcode: random.below(16),
    masked: random.chance(90),
    ...(random.chance(10) && { declared: random.pick([0, 126, 65_535, 2 ** 31, 2 ** 53 - 1]), lengthBytes: 8 as const })
  })
}

async function sendFrames (target: Target, random: Random): Promise<string> {
  const raw = await target.upgraded('mallory')
  const sound = Array.from({ length: random.below(4) }, (_, n) => [frame(question(`sound${n}`)), ping('p')]).flat()
  await writeInPieces(random, raw, Buffer.concat(sound))
  for (let n = 0; n < sound.length / 2; n++) assert.ok(await raw.until(readAck(`sound${n}`)), 'a sound message')
  const frames = Array.from({ length: 1 + random.below(6) }, () => randomFrame(random))
  await writeInPieces(random, raw, Buffer.concat(frames))
  await raw.destroy()
  return 'connections'
}

const statuses = [101, 400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 417, 426, 429, 431, 501, 503, 505]

const names = [
  'upgrade', 'connection', 'sec-websocket-version', 'sec-websocket-key', 'sec-websocket-protocol', 'origin', 'host',
  'authorization', 'sec-websocket-extensions', 'cookie', 'content-length', 'transfer-encoding', 'expect'
]

function randomRequest (random: Random): RequestParts {
  const character = () => String.fromCharCode(33 + random.below(94))
  const noise = () => Array.from({ length: random.below(12) }, character).join('')
  const values = [
    undefined, '', 'websocket', 'Upgrade', 'h2c', 'keep-alive, Upgrade', '13', '12', 'null', noise(), 'a'.repeat(9_000)
  ]
  const headers = Object.fromEntries(Array.from({ length: random.below(4) }, () => {
    const value = random.pick(values)
    return [random.pick(names), value !== undefined && random.chance(20) ? [value, value] : value]
  }))
  return {
    method: random.pick(['GET', 'GET', 'GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', noise() || 'X']),
    path: random.pick(['/lab', '/lab', '/lab', '/open/a', '/plain', '/', '/%zz', `/${noise()}`, '/lab?token=x']),
    version: random.pick(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', noise()]),
    headers
  }
}

async function sendRequest (target: Target, random: Random): Promise<string> {
  const raw = await target.open()
  const { headers, ...parts } = randomRequest(random)
  const authorization = random.chance(50) ? { authorization: `Bearer ${target.token('mallory')}` } : {}
  await writeInPieces(random, raw, Buffer.from(handshake({ ...parts, headers: { ...authorization, ...headers } })))
  raw.end()
  const answer = await raw.until((received) => readAnswer(received, parts.method !== 'HEAD'))
  const isExpected = answer === undefined || answer.status === 200 || statuses.includes(answer.status)
  assert.ok(isExpected, `${answer?.status} for ${parts.method} ${parts.path}`)
  await raw.destroy()
  return `${answer?.status ?? 'closed'}`
}
