import type { Timer } from '../../clock.ts'
import type { Position } from '../../protocol/position.ts'
import { Backoff } from '../transport/backoff.ts'
import { failure, type OwnCode, type RequestError } from '../request-error.ts'
import type { ConnectionState, Transport } from '../transport/transport.ts'

/** The position from which a join asks to recover. */
interface RecoverySource {
  readonly since: Position | undefined
}

export interface MembershipEvents {
  /** The server acked a join, the first one or a later one; `ack` is the payload. */
  joined (ack: unknown): void
  /** The membership ended, and not by `leave`. Called at most once. */
  ended (error: RequestError): void
}

/** After these refusals of a join a further try may succeed. */
const temporaryCodes = ['unavailable', 'timeout']

/**
 * The membership in one channel. The channel is joined on every new connection until it is left, refused or removed.
 *
 * The first join fails after `ConnectOptions.timeout` over any number of connections, because its caller waits. A later
 * join is repeated without an end, unless the server refuses it with a code that is not temporary.
 */
export class Membership {
  readonly #transport: Transport
  readonly #channel: string
  readonly #history: RecoverySource
  readonly #events: MembershipEvents
  readonly #backoff: Backoff
  readonly #deadline: Timer
  #wasJoined = false
  #isJoined = false
  #hasEnded = false

  constructor (transport: Transport, channel: string, history: RecoverySource, events: MembershipEvents) {
    const { clock, random, timeout } = transport.deps
    this.#transport = transport
    this.#channel = channel
    this.#history = history
    this.#events = events
    this.#backoff = new Backoff(clock, random)
    this.#deadline = clock.setTimeout(() => this.#timeOut(), timeout)
    if (transport.state === 'open') this.#join()
  }

  /** Whether the server has acked the join on the current connection. */
  get isJoined (): boolean {
    return this.#isJoined
  }

  /** Whether the membership ended, by `leave` or otherwise. */
  get hasEnded (): boolean {
    return this.#hasEnded
  }

  /** Whether the channel was joined before and waits to be joined again. */
  get isRejoining (): boolean {
    return this.#wasJoined && !this.#isJoined && !this.#hasEnded
  }

  /** Takes a new state of the connection. */
  follow (state: ConnectionState): void {
    this.#isJoined = false
    this.#backoff.stop()
    if (state === 'open') this.#join()
    if (state === 'closed') this.#fail('closed')
  }

  /** Resolves when the server has answered, or at once without a connection. */
  leave (): Promise<void> {
    this.#stop()
    const leave = { type: 'leave', channel: this.#channel }
    return new Promise((resolve) => {
      this.#transport.request(leave, { resolve: () => resolve(), reject: () => resolve() })
    })
  }

  /** Leaves and joins again after a wait. */
  rejoin (): void {
    this.#isJoined = false
    this.#backoff.retry(() => this.#leaveAndJoin())
  }

  /** Ends the membership with the reason that the server or the client gives. */
  end (error: RequestError): void {
    this.#stop()
    this.#events.ended(error)
  }

  #join (): void {
    const { since } = this.#history
    this.#transport.request({ type: 'join', channel: this.#channel, ...(since && { payload: { since } }) }, {
      resolve: (ack) => this.#applyJoin(ack),
      reject: (error) => this.#applyRefusal(error)
    })
  }

  /** The effect of the join before may be unknown, as after a timeout. A leave puts both sides into the same state. */
  #leaveAndJoin (): void {
    this.#transport.post({ type: 'leave', channel: this.#channel })
    this.#join()
  }

  #applyJoin (ack: unknown): void {
    if (this.#hasEnded) return
    this.#transport.deps.clock.clearTimeout(this.#deadline)
    this.#backoff.reset()
    this.#wasJoined = true
    this.#isJoined = true
    this.#events.joined(ack)
  }

  #applyRefusal (error: RequestError): void {
    // A join that was lost with its connection is repeated on the next connection.
    if (this.#hasEnded || error.code === 'disconnected') return
    if (this.#wasJoined && temporaryCodes.includes(error.code)) this.rejoin()
    else this.end(error)
  }

  /** The server may still ack the join, so a leave follows it. */
  #timeOut (): void {
    this.leave()
    this.#fail('timeout')
  }

  #fail (code: OwnCode): void {
    this.end(failure({ type: 'join', channel: this.#channel }, code))
  }

  #stop (): void {
    this.#hasEnded = true
    this.#isJoined = false
    this.#backoff.stop()
    this.#transport.deps.clock.clearTimeout(this.#deadline)
  }
}
