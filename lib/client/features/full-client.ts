import type { AnyChannel } from '../../contract/define-channel.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { FullChannel } from '../channel/full-channel.ts'
import type { Ack } from '../channel/history-position.ts'
import type { JoinedChannel } from '../channel/joined-channel.ts'
import type { Membership } from '../channel/membership.ts'
import { Client, patternOf } from '../client.ts'
import type { Unsubscribe } from '../listeners.ts'
import { resultOf, type Result } from '../messaging.ts'
import type { CallOptions } from '../requests/call.ts'
import type { Requests } from '../requests/requests.ts'
import type { Connection } from '../transport/connection.ts'
import { matches } from './local-checks.ts'
import { renewToken } from './token-renewal.ts'

/** The client with the members that the core leaves out. `TypedClient` documents them. */
export class FullClient extends Client {
  /** Sends a new token now. */
  readonly refresh: () => Promise<void>

  constructor (requests: Requests) {
    super(requests, FullChannel)
    this.refresh = renewToken(requests)
  }

  trySend (...args: Parameters<Client['send']>): Promise<Result> {
    return resultOf(this.send(...args))
  }

  /** Resolves when the client is open. */
  async ready (options: CallOptions = {}): Promise<void> {
    await this.call({ type: 'ready' }, options, (call) => {
      this.start(call)
      const { requests } = this
      if (requests.isOpen) return call.resolve()
      requests.expire(call, options.timeout)
      const stop = requests.events.add('changed', (state) => {
        stop()
        if (state === 'open') call.resolve()
        else call.reject(requests.failure(call.message))
      })
    })
  }

  /** The listener of each pattern makes a handle of its own. */
  onJoined (channel: string | AnyChannel, listener: (channel: JoinedChannel) => void): Unsubscribe {
    const stop = this.on('joined', (membership: Membership) => {
      if (!matches(patternOf(channel), membership.address)) return
      membership.add(new FullChannel(this.requests, membership, { on: { joined: listener } }))
    })
    // Not at once, because the caller has no `stop` yet.
    queueMicrotask(() => {
      for (const membership of [...this.channels.values()]) {
        if (membership.isUnclaimed) this.deliver('joined', membership)
      }
    })
    return stop
  }

  protected override added ({ type, channel = '', payload }: Envelope, connection: Connection): void {
    // A leave that the server has still to handle will end this membership too.
    const calls = [...this.requests.outgoing.values()]
    if (calls.some(({ message }) => message.type === 'leave' && message.channel === channel)) return
    const membership = this.addMembership(channel)
    this.deliver(type, membership)
    membership.enter(payload as Ack, connection)
  }
}
