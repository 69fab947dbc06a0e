import { WebSocket } from 'ws'
import { connect, type PresenceDifference, type TypedChannel, type TypedClient } from '../../../lib/client/index.ts'
import type { LogEvent, MessageKind } from '../checker/log.ts'
import { Random } from '../../support/random.ts'
import type { rigChannel, DeliveredMessage } from './contract.ts'
import type { ClientSettings } from './crowd.ts'

type Rig = typeof rigChannel
type Note = LogEvent extends infer E ? E extends LogEvent ? Omit<E, 'at' | 'client'> : never : never

/** One user of the rig, with the package's client, that sends at its rate and writes down all that happens. */
export class RigClient {
  readonly #name: string
  #paddings: Readonly<Record<string, number>> = {}
  readonly #channels: readonly string[]
  readonly #lists = new Map<string, ReadonlySet<string>>()
  readonly #joined = new Map<string, TypedChannel<Rig['definition']>>()
  readonly #random: Random
  readonly #rate: number
  readonly #report: (event: LogEvent) => void
  readonly #sockets: { current: WebSocket | undefined } = { current: undefined }
  readonly #client: TypedClient<Rig>
  #sent = 0
  #timer: NodeJS.Timeout | undefined
  #isGone = false

  constructor (
    url: string, { name, channels }: ClientSettings, seed: number, rate: number, report: (event: LogEvent) => void
  ) {
    this.#name = name
    this.#channels = channels
    this.#random = new Random(seed)
    this.#rate = rate
    this.#report = report
    const sockets = this.#sockets
    class RigSocket extends WebSocket {
      constructor (url: string, protocols: string[]) {
        super(url, protocols)
        sockets.current = this
      }
    }
    const random = () => this.#random.next()
    this.#client = connect<Rig>(`${url}/?user=${name}`, { WebSocket: RigSocket, random, timeout: 120_000 })
    this.#client.onConnectError(({ reason, close }) => this.#note({ what: 'state', state: reason, code: close.code }))
    this.#client.onState((state, close) => this.#note({ what: 'state', state, code: close?.code }))
  }

  async join (): Promise<void> {
    await Promise.all(this.#channels.map(async (name) => {
      const channel = `rig/${name}`
      this.#joined.set(name, await this.#client.join('rig/:name', { name }, {
        onResync: ({ reason }) => this.#note({ what: 'resync', channel, reason }),
        onPresence: (list, change) => {
          const users = list.map(({ user }) => user)
          const wrong = change ? this.#contradictions(channel, change) : 0
          this.#lists.set(channel, new Set(users))
          this.#presence(channel, users, wrong)
        },
        on: {
          written: (message, { offset }) => this.#received(channel, message, offset),
          hinted: (message) => this.#received(channel, message)
        }
      }))
    }))
  }

  send (): void {
    for (const channel of this.#joined.values()) {
      this.#presence(channel.address, channel.presence.map(({ user }) => user), 0)
    }
    this.#sendLater()
  }

  quiet (): void {
    clearTimeout(this.#timer)
  }

  pad (channel: string, bytes: number): void {
    this.#paddings = { [channel]: bytes }
  }

  stall (): void {
    this.#sockets.current?.pause()
  }

  read (): void {
    this.#sockets.current?.resume()
  }

  close (): void {
    this.#leave()
    this.#client.close()
  }

  /** Its connection is lost, and it does not come back. */
  lose (): void {
    this.#leave()
    this.#sockets.current?.terminate()
    this.#client.close()
  }

  async return (): Promise<void> {
    if (!this.#isGone) return
    this.#isGone = false
    this.#client.open()
    await new Promise<void>((resolve) => {
      const stop = this.#client.onState((state) => {
        if (state !== 'open') return
        stop()
        resolve()
      })
    })
  }

  #leave (): void {
    this.quiet()
    this.#isGone = true
    this.#note({ what: 'gone' })
  }

  #sendLater (): void {
    this.#timer = setTimeout(() => {
      this.#sendOne()
      this.#sendLater()
    }, this.#random.next() * 2_000 / this.#rate)
  }

  #sendOne (): void {
    const name = this.#random.pick(this.#channels)
    const channel = this.#joined.get(name)
    const chance = this.#random.below(100)
    const kind: MessageKind = chance < 70 ? 'write' : chance < 80 ? 'say' : 'hint'
    if (!channel) return
    const id = `${this.#name}/${this.#sent}`
    const message = { id, n: this.#sent++, of: channel.address, padding: 'x'.repeat(this.#paddings[name] ?? 0) }
    this.#note({ what: 'sent', channel: channel.address, id, kind })
    channel.send(kind, message).then(
      () => this.#note({ what: 'acked', id }),
      (error: { readonly code?: string }) => this.#note({ what: 'failed', id, code: error.code ?? 'unknown' })
    )
  }

  #received (channel: string, { id, of, connection, n }: DeliveredMessage, offset?: number): void {
    this.#note({ what: 'received', channel, id, of, connection, n, offset })
  }

  #presence (channel: string, users: readonly string[], wrong: number): void {
    this.#note({ what: 'presence', channel, users, wrong })
  }

  /** Users who joined although they were there, or left although they were not. */
  #contradictions (channel: string, { joined, left }: Omit<PresenceDifference<Rig['definition']>, 'updated'>): number {
    const before = this.#lists.get(channel)
    if (!before) return 0
    return joined.filter(({ user }) => before.has(user)).length + left.filter((user) => !before.has(user)).length
  }

  #note (event: Note): void {
    this.#report({ at: performance.timeOrigin + performance.now(), client: this.#name, ...event } as LogEvent)
  }
}
