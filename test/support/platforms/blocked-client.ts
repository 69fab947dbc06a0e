import { connect, type ClientState } from '../../../lib/client/index.ts'
import type { talk } from '../clients/talk.ts'
import { fastClock } from './fast-clock.ts'

export interface BlockedRun {
  readonly url: string
  readonly room: string
  readonly token: string
  /** How often the thread is blocked. */
  readonly blocks: number
  /**
   * How many times as fast as a real clock that of the clients is. With 20 the answer to `ask.later` arrives after the
   * timeout of the message, while the thread is blocked.
   */
  readonly speed: number
  readonly WebSocket: typeof WebSocket
  /** Blocks the thread of the clients for so many milliseconds. */
  readonly block: (ms: number) => void
}

/** Longer than the client takes to send a ping and to give the connection up without an answer: 25 s + 10 s. */
const blockedMs = 36_000
/** Afterwards a late timer is repeated once, after 1 s. */
const settledMs = 2_500
const clients = 5

/**
 * Blocks the thread of five clients again and again: when a ping was just sent, at a random time, and at once after the
 * last time. Each client has just sent a message then.
 * @returns the states after the first one, which should be none, and how many messages were answered
 */
export async function blockClients (
  { url, room, token, blocks, speed, block, WebSocket }: BlockedRun
): Promise<{ states: ClientState[], answered: number }> {
  const clock = fastClock(speed)
  const wait = (ms: number) => new Promise<void>((resolve) => { clock.setTimeout(resolve, ms) })
  let pinged = () => {}
  class Watched extends WebSocket {
    override send (text: string): void {
      super.send(text)
      if (text.includes('"ping"')) pinged()
    }
  }
  const all = Array.from({ length: clients }, () =>
    connect<typeof talk>(url, { token: () => token, WebSocket: Watched, clock }))
  const channels = await Promise.all(all.map((client) =>
    client.join('talk/:room', { room }, { onResync: 'ignore' })))
  const states: ClientState[] = []
  for (const client of all) client.onState((state) => states.push(state))
  const moments = [
    () => new Promise<void>((resolve) => { pinged = resolve }),
    () => wait(Math.random() * 25_000),
    async () => {}
  ]
  let answered = 0
  for (let i = 0; i < blocks; i++) {
    await moments[i % moments.length]!()
    pinged = () => {}
    const sends = channels.map((channel) => channel.trySend('ask.later', undefined, { timeout: 10_000 }))
    block(blockedMs / speed)
    answered += (await Promise.all(sends)).filter(({ ok }) => ok).length
    await wait(settledMs)
  }
  for (const client of all) client.close()
  return { states: states.filter((state) => state !== 'closed'), answered }
}
