import { randomUUID } from 'node:crypto'
import type { Envelope } from '../../protocol/envelope.ts'
import type { ErrorPayload } from '../../protocol/errors.ts'
import { TestClient, type Closed } from '../test-client.ts'
import type { Subject } from './subject.ts'
import { BrokenContract } from './broken-contract.ts'
import { WireCheck } from './wire-check.ts'

/** What `BrokenContract.issue` is after the time for a reply. */
export const missingReply = 'a missing reply'

/** The reply to a message, or how the connection was closed instead. */
export interface Outcome {
  /** `ack`, the code of the error, or `closed` with the code of the close. */
  readonly code: string
  readonly received: Envelope | Closed
}

/** One connection of a test. Everything that it receives is checked. */
export class Participant {
  readonly token: string | undefined
  readonly #subject: Subject
  readonly #client: TestClient
  readonly #check: WireCheck
  #checked = 0

  private constructor (subject: Subject, client: TestClient, token: string | undefined) {
    this.#subject = subject
    this.#client = client
    this.#check = new WireCheck(subject)
    this.token = token
  }

  /** Connects with this token. Rejects when the upgrade is refused. */
  static async connect (subject: Subject, token: string | undefined): Promise<Participant> {
    const { app, options: { path, headers } } = subject
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const options = { headers: { ...headers, ...authorization } }
    const client = typeof app === 'string'
      ? await TestClient.connect(app + path, [], options)
      : await TestClient.inject(app, path, [], options)
    return new Participant(subject, client, token)
  }

  /** Connects and joins the channel. */
  static async join (subject: Subject, token: string | undefined): Promise<Participant> {
    const participant = await Participant.connect(subject, token)
    if (subject.channel === undefined) return participant
    const outcome = await participant.request('join')
    if (outcome.code !== 'ack') {
      throw new BrokenContract('a refused join', 'join', { received: outcome.received, expected: 'an ack' })
    }
    return participant
  }

  /** Sends a message and waits for its reply. Above a rate it waits and sends it again. */
  async request (type: string, payload?: unknown, correlationId: string = randomUUID()): Promise<Outcome> {
    for (;;) {
      const outcome = await this.requestOnce(type, payload, correlationId)
      if (outcome.code !== 'rate_limited') return outcome
      const { retryAfter = 1 } = (outcome.received as Envelope).payload as ErrorPayload
      await this.#subject.wait(retryAfter)
    }
  }

  /** Sends a message and waits for its reply, which may be `rate_limited`. */
  async requestOnce (
    type: string, payload?: unknown, correlationId: string = randomUUID(), channel = this.#channelOf(type)
  ): Promise<Outcome> {
    const request = { type, channel, payload, correlationId }
    this.#check.sent(request)
    const reply = this.#client.request(type, channel, payload, correlationId)
    const outcome = await this.#within(request, Promise.race([
      reply.then((received): Outcome => ({ received, code: codeOf(received) })),
      this.#client.closed.then((received): Outcome => ({ received, code: `closed ${received.code}` }))
    ]))
    this.checkReceived()
    return outcome
  }

  /** Resolves once everything that the server sent before has arrived and was checked. */
  async sync (): Promise<void> {
    await this.requestOnce('ping')
  }

  /** The declared messages that have arrived. */
  get messages (): Envelope[] {
    const { fromServer } = this.#subject.contract.definition
    return this.#client.log.filter(({ type }) => type in fromServer)
  }

  checkReceived (): void {
    for (; this.#checked < this.#client.log.length; this.#checked++) {
      this.#check.check(this.#client.log[this.#checked] as Envelope)
    }
  }

  close (): void {
    this.#client.terminate()
  }

  #channelOf (type: string): string | undefined {
    return type === 'ping' || type === 'refresh' ? undefined : this.#subject.channel
  }

  async #within (sent: Envelope, outcome: Promise<Outcome>): Promise<Outcome> {
    const { timeoutMs } = this.#subject
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const expected = `an ack or an error with its correlationId within ${timeoutMs} ms`
        reject(new BrokenContract(missingReply, sent.type, { sent, expected }))
      }, timeoutMs)
      outcome.then(resolve).finally(() => clearTimeout(timer))
    })
  }
}

function codeOf ({ type, payload }: Envelope): string {
  return type === 'ack' ? 'ack' : (payload as ErrorPayload).code
}
