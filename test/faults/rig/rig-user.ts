import type { WebSocket } from 'ws'
import { Random } from '../../support/random.ts'
import type { LogEvent, MessageKind } from '../checker/log.ts'
import type { DeliveredMessage, RigMessage } from './contract.ts'
import type { ClientSettings } from './crowd.ts'

export type Note = LogEvent extends infer E ? E extends LogEvent ? Omit<E, 'at' | 'client'> : never : never

/** One user of the rig, that sends at its rate and writes down all that happens. */
export abstract class RigUser {
  protected readonly url: string
  protected readonly name: string
  protected readonly pattern: string
  protected readonly channels: readonly string[]
  protected readonly random: Random
  protected isGone = false
  readonly #rate: number
  readonly #report: (event: LogEvent) => void
  #paddings: Readonly<Record<string, number>> = {}
  #only: MessageKind | undefined
  #sent = 0
  #timer: NodeJS.Timeout | undefined

  constructor (
    url: string, { name, pattern, channels }: ClientSettings, seed: number, rate: number,
    report: (event: LogEvent) => void
  ) {
    this.url = url
    this.name = name
    this.pattern = pattern
    this.channels = channels
    this.random = new Random(seed)
    this.#rate = rate
    this.#report = report
  }

  /** Resolves once the user is in all channels. */
  abstract join (): Promise<void>

  protected abstract sendMessage (kind: MessageKind, channel: string, message: RigMessage): Promise<unknown>
  protected abstract closeClient (): void
  protected abstract get webSocket (): WebSocket | undefined

  /** Sends messages from now on. @param only their kind; by default all kinds */
  send (only?: MessageKind): void {
    this.#only = only
    this.#sendLater()
  }

  quiet (): void {
    clearTimeout(this.#timer)
  }

  pad (channel: string, bytes: number): void {
    this.#paddings = { [channel]: bytes }
  }

  stall (): void {
    this.webSocket?.pause()
  }

  read (): void {
    this.webSocket?.resume()
  }

  close (): void {
    this.#leave()
    this.closeClient()
  }

  /** Its connection is lost, and it does not come back. */
  lose (): void {
    this.#leave()
    this.webSocket?.terminate()
    this.closeClient()
  }

  /** Comes back, if it left. */
  async return (): Promise<void> {}

  protected addressOf (channel: string): string {
    return `${this.pattern}/${channel}`
  }

  protected received (channel: string, { id, of, connection, n }: DeliveredMessage, offset?: number): void {
    this.note({ what: 'received', channel, id, of, connection, n, offset })
  }

  protected note (event: Note): void {
    this.#report({ at: performance.timeOrigin + performance.now(), client: this.name, ...event } as LogEvent)
  }

  #leave (): void {
    this.quiet()
    this.isGone = true
    this.note({ what: 'gone' })
  }

  #sendLater (): void {
    this.#timer = setTimeout(() => {
      this.#sendOne()
      this.#sendLater()
    }, this.random.next() * 2_000 / this.#rate)
  }

  #sendOne (): void {
    const name = this.random.pick(this.channels)
    const chance = this.random.below(100)
    const kind = this.#only ?? (chance < 70 ? 'write' : chance < 80 ? 'say' : 'hint')
    const [id, channel] = [`${this.name}/${this.#sent}`, this.addressOf(name)]
    const message = { id, n: this.#sent++, of: channel, padding: 'x'.repeat(this.#paddings[name] ?? 0) }
    this.note({ what: 'sent', channel, id, kind })
    this.sendMessage(kind, name, message).then(
      () => this.note({ what: 'acked', id }),
      (error: { readonly code?: string }) => this.note({ what: 'failed', id, code: error.code ?? 'unknown' })
    )
  }
}
