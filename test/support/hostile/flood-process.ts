import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { TestClient } from '../../../lib/testing/test-client.ts'
import type { ChannelsOptions } from '../../../plugins/channels.ts'
import { frame, readFrames } from './frames.ts'
import type { Questions } from './flood-server.js'
import { handshake, readAnswer } from './http.ts'
import { RawSocket } from './raw-socket.ts'

/** What JSON can say of the options. */
export type PlainOptions = Pick<ChannelsOptions, 'limits' | 'closeTimeout' | 'heartbeat' | 'maxPayload'>

type Answer<K extends keyof Questions> = Awaited<ReturnType<Questions[K]>>

/** `flood-server.ts` in a process of its own. */
export class FloodProcess {
  readonly #child: ChildProcess
  readonly #port: number
  #last: Promise<unknown> = Promise.resolve()

  private constructor (child: ChildProcess, port: number) {
    this.#child = child
    this.#port = port
  }

  static async start (t: Test, options: PlainOptions, flags: readonly string[] = []): Promise<FloodProcess> {
    const child = fork(
      new URL('./flood-server.js', import.meta.url),
      [JSON.stringify(options)],
      { execArgv: [...process.execArgv, '--expose-gc', ...flags] }
    )
    t.teardown(async () => {
      if (child.exitCode === null && child.kill()) await once(child, 'exit')
    })
    await answerOf(child)
    child.send({ name: 'port', given: [] })
    return new FloodProcess(child, await answerOf(child) as number)
  }

  /** One question at a time: the answers do not say what they answer. */
  async ask<K extends keyof Questions> (name: K, ...given: Parameters<Questions[K]>): Promise<Answer<K>> {
    const before = this.#last
    const answer = before.then(() => {
      this.#child.send({ name, given })
      return answerOf(this.#child)
    })
    this.#last = answer
    return await answer as Answer<K>
  }

  connect (user: string): Promise<TestClient> {
    return TestClient.connect(`ws://127.0.0.1:${this.#port}/lab`, [], { headers: { 'x-user': user } })
  }

  /** A raw socket past the switch. */
  async upgraded (user: string): Promise<RawSocket> {
    const raw = await RawSocket.open(this.#port)
    raw.write(handshake({ headers: { 'x-user': user } }))
    const answer = await raw.until(readAnswer)
    if (answer?.status !== 101) throw new Error(`the upgrade was answered ${answer?.status}`)
    return raw
  }
}

export async function join (raw: RawSocket, channel: string): Promise<void> {
  raw.write(frame(JSON.stringify({ type: 'join', channel, correlationId: 'join' })))
  await raw.until((received) =>
    readFrames(received).some(({ payload }) => payload.includes('"correlationId":"join"')) || undefined)
}

/** A child that ended instead is the failure to report, not a test that hangs. */
async function answerOf (child: ChildProcess): Promise<unknown> {
  const over = new AbortController()
  try {
    return await Promise.race([
      once(child, 'message', { signal: over.signal }).then(([answer]: unknown[]) => answer),
      once(
        child, 'exit', { signal: over.signal }
      ).then(([code, signal]: unknown[]) => { throw new Error(`the server ended with ${String(code ?? signal)}`) })
    ])
  } finally {
    over.abort()
  }
}
