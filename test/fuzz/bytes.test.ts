import '../support/without-coverage.ts'
import t from 'tap'
import { Random } from '../support/random.ts'
import { frame, ping, question, readAck } from '../support/hostile/frames.ts'
import { handshake, readAnswer, type RequestParts } from '../support/hostile/http.ts'
import type { RawSocket } from '../support/hostile/raw-socket.ts'
import { Target } from '../support/hostile/target.ts'
import { cases } from '../support/long-form.ts'

// Random bytes at the two places where bytes of strangers come in: the upgrade request, and the frames after it.

const timeout = { timeout: 280_000 }
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000_000)

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

t.test('fuzz: sound frames in random pieces are answered, random ones leave nothing behind', timeout, async (t) => {
  const target = await Target.start(t, { channels: { limits: false } })
  for (let i = 0; i < cases(2_000, 60); i++) {
    const random = new Random(seed + i)
    const raw = await target.upgraded('mallory')
    const sound = Array.from({ length: random.below(4) }, (_, n) => [frame(question(`sound${n}`)), ping('p')]).flat()
    await writeInPieces(random, raw, Buffer.concat(sound))
    for (let n = 0; n < sound.length / 2; n++) {
      t.ok(await raw.until(readAck(`sound${n}`)), `seed ${seed + i}: a sound message`)
    }
    const frames = Array.from({ length: 1 + random.below(6) }, () => randomFrame(random))
    await writeInPieces(random, raw, Buffer.concat(frames))
    await raw.destroy()
    if (i % 20 === 0) await target.prove(t)
  }
  await target.prove(t)
  await target.finish(t)
})

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

t.test('fuzz: random upgrade requests get an answer or a close, and leave nothing behind', timeout, async (t) => {
  // Fastify itself logs these of a body that nobody asked for, with a trace.
  const tracedByOthers = ['Unsupported Media Type', 'Request body size did not match Content-Length']
  const target = await Target.start(t, { channels: { limits: false }, tracedByOthers })
  for (let i = 0; i < cases(3_000, 150); i++) {
    const random = new Random(seed + i)
    const raw = await target.open()
    const { headers, ...parts } = randomRequest(random)
    const authorization = random.chance(50) ? { authorization: `Bearer ${target.token('mallory')}` } : {}
    const request = handshake({ ...parts, headers: { ...authorization, ...headers } })
    await writeInPieces(random, raw, Buffer.from(request))
    raw.end()
    const answer = await raw.until((received) => readAnswer(received, parts.method !== 'HEAD'))
    t.ok(answer === undefined || answer.status === 200 || statuses.includes(answer.status),
      `seed ${seed + i}: ${answer?.status} for ${parts.method} ${parts.path}`)
    await raw.destroy()
    if (i % 50 === 0) await target.prove(t)
  }
  await target.prove(t)
  await target.finish(t)
})
