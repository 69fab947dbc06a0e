import { createRequire } from 'node:module'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { Type } from '@sinclair/typebox'

// What the servers of this folder have in common: the schema, the check of a token, and the messages that they speak.
// Each serves three paths: /echo answers a validated request, /fan joins a room, /idle takes a JSON Web Token.

export const quote = Type.Object({
  symbol: Type.String(), bid: Type.Number(), ask: Type.Number(), size: Type.Integer(), venue: Type.String()
})

const validator = TypeCompiler.Compile(quote)

export const isQuote = (value) => validator.Check(value)

/** The answer to the text of a request. */
export function answerOf (text) {
  const { type, channel, payload, correlationId } = JSON.parse(text)
  if (type === 'echo' && isQuote(payload)) return JSON.stringify({ type: 'ack', channel, payload, correlationId })
  return JSON.stringify({ type: 'error', channel, correlationId })
}

// The library that @fastify/jwt verifies with.
const { createVerifier } = createRequire(import.meta.resolve('@fastify/jwt'))('fast-jwt')

/** The secret of the tokens of memory/crowd.js. */
export const secret = 'a secret of the benchmark, for nothing else'

const verifySync = createVerifier({ key: secret })

/** The user of a header `Authorization`; undefined if its token is not valid. */
export function userOf (authorization = '') {
  try {
    return verifySync(authorization.slice('Bearer '.length))
  } catch {
    return undefined
  }
}

const text = 'x'.repeat(84)
let count = 0

/** The payload of the next message to the room. */
export const nextPayload = () => ({ count: 10_000_000 + count++, text })

export const encodedNext = () => JSON.stringify({ type: 'said', channel: 'room', payload: nextPayload() })

/**
 * Says the port to the parent and answers its questions. `publish` sends one message to the room; it is called as often
 * as the parent says in each event-loop turn, until `silence`.
 */
export function serve (port, publish) {
  let burst = 0
  const speak = () => {
    for (let i = 0; i < burst; i++) publish()
    if (burst > 0) setImmediate(speak)
  }
  const answers = {
    stop: () => 'stopped',
    silence: () => { burst = 0 },
    speak (messages) {
      burst = messages
      speak()
    },
    cpu () {
      const { user, system } = process.cpuUsage()
      return user + system
    },
    memory: memoryAfterCollection
  }
  process.on('message', async ([question, argument]) => {
    const answer = await answers[question](argument) ?? 'done'
    process.send(answer)
    if (question === 'stop') process.disconnect()
  })
  process.on('disconnect', () => process.exit())
  process.send(port)
}

async function memoryAfterCollection () {
  for (let i = 0; i < 5; i++) {
    if (globalThis.Bun) globalThis.Bun.gc(true)
    else globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const { rss, heapUsed } = process.memoryUsage()
  return { rss, heapUsed }
}
