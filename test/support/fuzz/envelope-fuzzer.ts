import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { Type, type TSchema } from '@sinclair/typebox'
import fastify, { type FastifyInstance } from 'fastify'
import fc from 'fast-check'
import { ContractError } from '../../../lib/contract/contract-errors.ts'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { compileValidator } from '../../../lib/contract/schema/validators.ts'
import { implement } from '../../../lib/server/implement.ts'
import { TestClient } from '../../../lib/testing/test-client.ts'
import { channels } from '../../../plugins/channels.ts'
import { soon } from '../until.ts'
import { envelopesOf } from './envelope-arbitraries.ts'
import { expectedReply, type Declared, type ExpectedReply } from './expected-reply.ts'
import { schemas } from './schema-arbitraries.ts'

/** Messages of the contract of one run, and envelopes for it. */
const types = 6
const envelopesPerRun = 60

interface Handled { readonly type: string, readonly payload: unknown }

/**
 * Sends envelopes to a contract of random schemas: valid ones, nearly valid ones and hostile ones. Each gets exactly
 * the reply that the protocol says, the handler gets exactly the payload that was sent, and the next message is served.
 */
export class EnvelopeFuzzer {
  /** How often each kind of reply was received. */
  readonly counts: Record<string, number> = {}
  #handled: Handled[] = []
  #client: TestClient | undefined

  async run (seed: number): Promise<void> {
    const declared = declare(seed)
    const app = await this.#serve(declared)
    const known = new Map<string, Declared>([...declared].map(([type, payload]) => [type, { payload }]))
    const property = fc.asyncProperty(envelopesOf(declared), async (text) => {
      await this.#try(app, text.replaceAll('(id)', randomUUID()), known)
    })
    try {
      await fc.assert(property, { seed, numRuns: envelopesPerRun })
      assert.equal(({} as { polluted?: unknown }).polluted, undefined, 'prototypes are clean')
    } catch (error) {
      const { message, cause } = error as { message: string, cause?: Error }
      throw new Error(`envelopes ${seed} (repeat it with --seed ${seed} --runs 1): ${cause?.message ?? ''}\n${message}`)
    } finally {
      this.#client = undefined
      await app.close()
    }
  }

  async close (): Promise<void> {}

  async #serve (declared: ReadonlyMap<string, TSchema>): Promise<FastifyInstance> {
    const app = fastify({ logger: false })
    const protocolErrors = { max: Number.MAX_SAFE_INTEGER }
    await app.register(channels, { identify: () => ({ sub: 'ann' }), limits: false, protocolErrors })
    const fromClient = Object.fromEntries([...declared].map(([type, payload]) => [type, { payload, reply: payload }]))
    const contract = defineChannel({
      pattern: 'f/:room', params: Type.Object({ room: Type.String() }), fromClient, fromServer: {}
    })
    const on = Object.fromEntries([...declared.keys()].map((type) => [type, (_ctx: unknown, payload: unknown) => {
      this.#handled.push({ type, payload })
      return payload
    }]))
    app.ws('/', [implement(contract, { on } as never)])
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app
  }

  async #try (app: FastifyInstance, text: string, known: ReadonlyMap<string, Declared>): Promise<void> {
    const client = this.#client ??= await this.#join(app)
    const expected = expectedReply(text, known)
    this.#handled = []
    const before = client.log.length
    client.sendText(text)
    const id = randomUUID()
    client.send({ type: 'ping', correlationId: id })
    const replies = () => client.log.slice(before).filter(({ correlationId }) => correlationId !== id)
    const isClosed = () => client.webSocket.readyState !== 1
    await soon(`an answer to ${text}`, async () => isClosed() ||
      (client.log.length > before + replies().length && replies().length >= (expected.allowed[0]?.length ?? 0)))
    const received = isClosed() ? [{ type: 'closed', payload: { code: (await client.closed).code } }] : replies()
    // The second opinion is about a member of one channel.
    if (isClosed() || expected.kind === 'joined') this.#client = undefined
    this.#judge(text, expected, received)
  }

  async #join (app: FastifyInstance): Promise<TestClient> {
    const client = await TestClient.connect(`ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/`)
    await client.request('join', 'f/a')
    return client
  }

  #judge (text: string, expected: ExpectedReply, received: readonly object[]): void {
    const [kind, handled] = expected.handled ? ['handled', [expected.handled]] : [expected.kind, []]
    assert.deepEqual(this.#handled, handled, `what the handler gets of ${text.slice(0, 2_000)}`)
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
    const summary = received.map(summarize)
    const allowed = expected.allowed
    if (allowed.some((one) => JSON.stringify(one) === JSON.stringify(summary))) return
    assert.deepEqual(summary, allowed[0], `the reply to ${text.slice(0, 2_000)}`)
  }
}

/** The parts of a reply that the protocol fixes. */
function summarize (reply: object): object {
  const { type, channel, correlationId, payload } = reply as Record<string, unknown>
  const { code } = (payload ?? {}) as { code?: unknown }
  if (type === 'closed') return { type, code }
  return { type, channel, correlationId, ...type === 'ack' ? { payload } : { code } }
}

/** Message types with random schemas; a schema that the library refuses is left out. */
function declare (seed: number): Map<string, TSchema> {
  const declared = new Map<string, TSchema>()
  for (const [i, schema] of fc.sample(schemas, { seed, numRuns: types }).entries()) {
    try {
      compileValidator(schema, '')
      declared.set(`m${i}`, schema)
    } catch (error) {
      if (!(error instanceof ContractError)) throw error
    }
  }
  return declared
}
