import type { Timer } from '../../clock.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Position } from '../../protocol/position.ts'
import { Backoff } from '../transport/backoff.ts'
import { failure, type OwnCode, type RequestError } from '../request-error.ts'
import type { ConnectionState, Transport } from '../transport/transport.ts'

export interface MembershipEvents {
  /** How far the channel's log is known, to go on from there. */
  since (): Position | undefined
  /** The server let us in, for the first time or again; `ack` is the payload it answered with. */
  joined (ack: unknown): void
  /** Out, for good, and not by `leave`. Called once at most. */
  ended (error: RequestError): void
}

/** Refusals of a join that pass by themselves. */
const passing = ['unavailable', 'timeout']

/**
 * Being in one channel: joined on every connection anew, until left, removed or refused.
 *
 * The first join is given up after the time a request has, however many connections it took; its caller is waiting. A later
 * one is tried for as long as it takes, unless the server refuses it with something that does not pass by itself.
 */
export class Membership {
  readonly #transport: Transport
  readonly #channel: string
  readonly #events: MembershipEvents
  readonly #backoff: Backoff
  readonly #deadline: Timer
  #admitted = false
  #joined = false
  #over = false

  constructor (transport: Transport, channel: string, events: MembershipEvents) {
    const { clock, random, timeout } = transport.setup
    this.#transport = transport
    this.#channel = channel
    this.#events = events
    this.#backoff = new Backoff(clock, random)
    this.#deadline = clock.setTimeout(() => this.#giveUp(), timeout)
    if (transport.state === 'open') this.#join()
  }

  /** Whether the server holds us in the channel, as far as we were told. */
  get joined (): boolean {
    return this.#joined
  }

  /** Whether it ended, by `leave` or otherwise. */
  get over (): boolean {
    return this.#over
  }

  /** Whether we were in, and are on the way in again. */
  get returning (): boolean {
    return this.#admitted && !this.#joined && !this.#over
  }

  /** The connection changed. */
  follow (state: ConnectionState): void {
    this.#joined = false
    this.#backoff.stop()
    if (state === 'open') this.#join()
    if (state === 'closed') this.#fail('closed')
  }

  /** Resolves when the server has answered, and at once without a connection: there the server does not hold us. */
  leave (): Promise<void> {
    this.#stop()
    return new Promise((resolve) => this.#request({ type: 'leave', channel: this.#channel }, () => resolve(), () => resolve()))
  }

  /** Out and in again: what the server sends no longer fits what we have. */
  renew (): void {
    this.#joined = false
    this.#backoff.retry(() => this.#joinAfresh())
  }

  /** Over, by the server's will or ours. */
  end (error: RequestError): void {
    this.#stop()
    this.#events.ended(error)
  }

  #join (): void {
    const since = this.#events.since()
    const join = { type: 'join', channel: this.#channel, ...(since && { payload: { since } }) }
    this.#request(join, (ack) => this.#entered(ack), (error) => this.#refused(error))
  }

  /** What became of the join before may be unknown, as after a timeout: leaving first makes it certain. */
  #joinAfresh (): void {
    this.#transport.post({ type: 'leave', channel: this.#channel })
    this.#join()
  }

  #request (message: Omit<Envelope, 'correlationId'>, resolve: (payload: unknown) => void, reject: (error: RequestError) => void): void {
    this.#transport.request(message, { resolve, reject })
  }

  #entered (ack: unknown): void {
    if (this.#over) return
    this.#transport.setup.clock.clearTimeout(this.#deadline)
    this.#backoff.forgive()
    this.#admitted = true
    this.#joined = true
    this.#events.joined(ack)
  }

  #refused (error: RequestError): void {
    // A join lost with its connection is made again on the next one.
    if (this.#over || error.code === 'disconnected') return
    if (this.#admitted && passing.includes(error.code)) this.renew()
    else this.end(error)
  }

  /** The caller of the first join is told; the server, in case its answer is still on the way, that nobody waits any more. */
  #giveUp (): void {
    this.leave()
    this.#fail('timeout')
  }

  #fail (code: OwnCode): void {
    this.end(failure({ type: 'join', channel: this.#channel }, code))
  }

  #stop (): void {
    this.#over = true
    this.#joined = false
    this.#backoff.stop()
    this.#transport.setup.clock.clearTimeout(this.#deadline)
  }
}
