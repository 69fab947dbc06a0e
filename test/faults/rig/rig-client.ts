import { WebSocket } from 'ws'
import { connect, type PresenceDifference, type TypedChannel, type TypedClient } from '../../../lib/client/index.ts'
import type { LogEvent, MessageKind } from '../checker/log.ts'
import type { rigChannel, RigMessage } from './contract.ts'
import type { ClientSettings } from './crowd.ts'
import { RigUser } from './rig-user.ts'

type Rig = typeof rigChannel

/** One user of the rig, with the package's client. */
export class RigClient extends RigUser {
  readonly #lists = new Map<string, ReadonlySet<string>>()
  readonly #joined = new Map<string, TypedChannel<Rig['definition']>>()
  readonly #sockets: { current: WebSocket | undefined } = { current: undefined }
  readonly #client: TypedClient<Rig>

  constructor (
    url: string, settings: ClientSettings, seed: number, rate: number, report: (event: LogEvent) => void
  ) {
    super(url, settings, seed, rate, report)
    const sockets = this.#sockets
    class RigSocket extends WebSocket {
      constructor (url: string, protocols: string[]) {
        super(url, protocols)
        sockets.current = this
      }
    }
    const random = () => this.random.next()
    this.#client = connect<Rig>(`${url}/?user=${this.name}`, { WebSocket: RigSocket, random, timeout: 120_000 })
    this.#client.onConnectError(({ reason, close }) => this.note({ what: 'state', state: reason, code: close.code }))
    this.#client.onState((state, close) => this.note({ what: 'state', state, code: close?.code }))
  }

  async join (): Promise<void> {
    await Promise.all(this.channels.map(async (name) => {
      const channel = this.addressOf(name)
      // All patterns have the same messages.
      this.#joined.set(name, await this.#client.join(`${this.pattern}/:name` as 'rig/:name', { name }, {
        onResync: ({ reason }) => this.note({ what: 'resync', channel, reason }),
        onPresence: (list, change) => {
          const users = list.map(({ user }) => user)
          const wrong = change ? this.#contradictions(channel, change) : 0
          this.#lists.set(channel, new Set(users))
          this.note({ what: 'presence', channel, users, wrong })
        },
        on: {
          written: (message, { offset }) => this.received(channel, message, offset),
          hinted: (message) => this.received(channel, message)
        }
      }))
    }))
  }

  override send (only?: MessageKind): void {
    for (const [name, { presence }] of this.#joined) {
      this.note({ what: 'presence', channel: this.addressOf(name), users: presence.map(({ user }) => user), wrong: 0 })
    }
    super.send(only)
  }

  override async return (): Promise<void> {
    if (!this.isGone) return
    this.isGone = false
    this.#client.open()
    await new Promise<void>((resolve) => {
      const stop = this.#client.onState((state) => {
        if (state !== 'open') return
        stop()
        resolve()
      })
    })
  }

  protected override async sendMessage (kind: MessageKind, name: string, message: RigMessage): Promise<unknown> {
    return this.#joined.get(name)?.send(kind, message)
  }

  protected override closeClient (): void {
    this.#client.close()
  }

  protected override get webSocket (): WebSocket | undefined {
    return this.#sockets.current
  }

  /** Users who joined although they were there, or left although they were not. */
  #contradictions (channel: string, { joined, left }: Omit<PresenceDifference<Rig['definition']>, 'updated'>): number {
    const before = this.#lists.get(channel)
    if (!before) return 0
    return joined.filter(({ user }) => before.has(user)).length + left.filter((user) => !before.has(user)).length
  }
}
