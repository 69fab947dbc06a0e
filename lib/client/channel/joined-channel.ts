import type { Timer } from '../../clock.ts'
import { Messaging } from '../messaging.ts'
import type { RequestError } from '../request-error.ts'
import type { Call } from '../requests/call.ts'
import type { Requests } from '../requests/requests.ts'
import type { Handle } from './handle.ts'
import { resyncIn, type Ack, type ResyncEvent } from './history-position.ts'
import type { Membership } from './membership.ts'
import type { PresenceListener } from './presence.ts'

/** After this time the client gives up an idempotent message. The server remembers its id for 120,000 ms. */
const giveUpAfterMs = 90_000

/** What `join` takes. `JoinOptions` in typed-channel.ts documents the members. */
export interface UntypedJoinOptions {
  readonly onResync?: ((resync: ResyncEvent) => void) | 'ignore' | undefined
  readonly onPresence?: PresenceListener | undefined
  readonly onRecovered?: (() => void) | undefined
  readonly onLeft?: ((left: { readonly code: string }) => void) | undefined
  readonly on?: Readonly<Record<string, ((...args: never[]) => void) | undefined>> | undefined
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The handle that `join` returns, and that `onJoined` hands over. `TypedChannel` documents the public members.
 *
 * It holds back what follows its start until the caller of `join` can add listeners. The caller gets the handle when
 * the reactions of its promise run, but `ws` may emit the next frames of the same chunk before that. So the handle
 * waits for a timer of 0 ms.
 */
export class JoinedChannel extends Messaging implements Handle {
  declare readonly address: string
  isStarted = false
  /** The membership that the handle shares. */
  readonly membership: Membership
  /** The call of `join`; undefined for a handle of `onJoined`, which has a listener of `joined` instead. */
  readonly #joining: Call | undefined
  #held: Array<Parameters<Handle['take']>> | undefined
  #timer: Timer
  #hasLeft = false

  constructor (
    requests: Requests,
    membership: Membership,
    { on, onResync, onPresence, onRecovered, onLeft }: UntypedJoinOptions,
    joining?: Call
  ) {
    super(requests, membership.address)
    this.membership = membership
    this.#joining = joining
    const listeners = { ...on, resync: onResync, presence: onPresence, ack: onRecovered, left: onLeft }
    for (const [type, listener] of Object.entries(listeners)) {
      if (typeof listener === 'function') this.on(type, listener)
    }
  }

  leave (): Promise<void> {
    this.#hasLeft = true
    this.flush()
    return this.membership.remove(this)
  }

  start (ack?: Ack): void {
    const resync = resyncIn(ack)
    this.isStarted = true
    this.take('joined', this)
    if (resync) this.take('resync', resync)
    this.#held = []
    this.#timer = this.requests.deps.clock.setTimeout(() => this.flush(), 0)
    this.#joining?.resolve(this)
  }

  flush (): void {
    const held = this.#held ?? []
    this.requests.deps.clock.clearTimeout(this.#timer)
    this.#held = undefined
    for (const args of held) this.take(...args)
  }

  take (...args: Parameters<Handle['take']>): void {
    if (this.#hasLeft) return
    if (this.#held) this.#held.push(args)
    else this.deliver(...args)
  }

  ended (error: RequestError): void {
    if (this.isStarted) this.take('left', { code: error.code })
    else this.#joining?.reject(error)
  }

  protected override sendIn (call: Call, timeoutMs?: number): void {
    const { message } = call
    const membership = this.membership
    if (this.#hasLeft || membership.hasEnded) throw this.requests.failure(message, 'not_joined')
    if (!membership.idempotent.includes(message.type)) return this.requests.send(call, timeoutMs)
    this.requests.send(call, timeoutMs ?? giveUpAfterMs, membership)
  }
}
