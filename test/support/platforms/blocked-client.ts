import { connect, type ClientState, type TypedChannel, type TypedClient } from '../../../lib/client/index.ts'
import type { talk } from '../clients/talk.ts'
import { fastClock } from './fast-clock.ts'

export interface IdleRun {
  readonly url: string
  readonly room: string
  readonly token: string
  /**
   * How many times as fast as a real clock that of the clients is. With 20 the answer to `ask.later` arrives after the
   * timeout of the message, when the thread is blocked meanwhile.
   */
  readonly speed: number
  readonly WebSocket: typeof WebSocket
}

export interface BlockedRun extends IdleRun {
  /** How often the thread is blocked. */
  readonly blocks: number
  /** Blocks the thread of the clients for so many milliseconds. */
  readonly block: (ms: number) => void
}

/** Longer than the client takes to send a ping and to give the connection up without an answer: 25 s + 10 s. */
const blockedMs = 36_000
/** Afterwards a late timer is repeated once, after 1 s. */
const settledMs = 2_500
const clients = 5

/** Five clients that have joined and do nothing. */
export class IdleClients {
  /** The states after the first one: there should be none. */
  readonly states: ClientState[] = []
  readonly #speed: number
  readonly #channels: Array<TypedChannel<typeof talk['definition']>> = []
  readonly #clients: ReadonlyArray<TypedClient<typeof talk>>
  #pinged = () => {}

  constructor ({ url, token, speed, WebSocket }: IdleRun) {
    const pinged = () => this.#pinged()
    class Watched extends WebSocket {
      override send (text: string): void {
        super.send(text)
        if (text.includes('"ping"')) pinged()
      }
    }
    this.#speed = speed
    this.#clients = Array.from({ length: clients }, () =>
      connect<typeof talk>(url, { token: () => token, WebSocket: Watched, clock: fastClock(speed) }))
  }

  async join (room: string): Promise<void> {
    const joining = this.#clients.map((client) => client.join('talk/:room', { room }, { onResync: 'ignore' }))
    this.#channels.push(...await Promise.all(joining))
    for (const client of this.#clients) client.onState((state) => this.states.push(state))
  }

  /** Resolves when so much time has passed on their clock. */
  wait (ms: number): Promise<void> {
    return new Promise((resolve) => { setTimeout(resolve, ms / this.#speed) })
  }

  /** Resolves when one has just sent a ping. */
  ping (): Promise<void> {
    return new Promise((resolve) => { this.#pinged = resolve })
  }

  /** Each sends a message. @returns how many are answered */
  async send (type: 'ask.later' | 'ask.nothing'): Promise<number> {
    const sends = this.#channels.map((channel) => channel.trySend(type, undefined, { timeout: 10_000 }))
    return (await Promise.all(sends)).filter(({ ok }) => ok).length
  }

  close (): void {
    for (const client of this.#clients) client.close()
  }
}

/**
 * Blocks the thread of the clients again and again: when a ping was just sent, at a random time, and at once after the
 * last time. Each client has just sent a message then.
 * @returns the states after the first one, which should be none, and how many messages were answered
 */
export async function blockClients (run: BlockedRun): Promise<{ states: ClientState[], answered: number }> {
  const idle = new IdleClients(run)
  await idle.join(run.room)
  const moments = [() => idle.ping(), () => idle.wait(Math.random() * 25_000), async () => {}]
  let answered = 0
  for (let i = 0; i < run.blocks; i++) {
    await moments[i % moments.length]!()
    const sending = idle.send('ask.later')
    run.block(blockedMs / run.speed)
    answered += await sending
    await idle.wait(settledMs)
  }
  const states = [...idle.states]
  idle.close()
  return { states, answered }
}
