import type { Envelope } from '../protocol/envelope.ts'
import { Listeners, type Unsubscribe } from './listeners.ts'
import { RequestError, isDeclared } from './request-error.ts'
import { Call, type CallOptions } from './requests/call.ts'
import type { Requests } from './requests/requests.ts'

type Result = { readonly ok: true, readonly reply: unknown } | { readonly ok: false, readonly error: RequestError }

/** The messages of one channel, or of the connection itself. `TypedMessaging` documents the public members. */
export class Messaging {
  readonly #requests: Requests
  readonly #channel: string | undefined
  readonly #listeners: Listeners<Record<string, [payload?: unknown, entry?: unknown]>>

  constructor (requests: Requests, channel?: string) {
    this.#requests = requests
    this.#channel = channel
    this.#listeners = new Listeners(requests.deps.report)
  }

  on (type: string, listener: (...args: never[]) => void): Unsubscribe {
    return this.#listeners.add(type, listener as () => void)
  }

  send (type: string, payload?: unknown, options?: CallOptions): Promise<unknown> {
    const message = { type, ...(this.#channel !== undefined && { channel: this.#channel }), payload }
    return this.call(options, (call) => this.sendIn(call, message, options?.timeout))
  }

  async trySend (type: string, payload?: unknown, options?: CallOptions): Promise<Result> {
    try {
      return { ok: true, reply: await this.send(type, payload, options) }
    } catch (error) {
      if (error instanceof RequestError) return { ok: false, error }
      throw error
    }
  }

  isError (error: unknown, type: string, code?: string): error is RequestError {
    return error instanceof RequestError && error.type === type && error.channel === this.#channel &&
      (code === undefined ? isDeclared(error.code) : error.code === code)
  }

  /** A promise that `start` settles, the deadline or the signal. */
  protected call (options: CallOptions | undefined, start: (call: Call) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = new Call(this.#requests.deps.clock, { resolve, reject }, options?.signal)
      try {
        if (!call.isSettled) start(call)
      } catch (error) {
        call.reject(error as RequestError)
      }
    })
  }

  /** Sends a message whose reply settles the call. */
  protected sendIn (call: Call, message: Envelope, timeoutMs: number | undefined): void {
    this.#requests.send(this.#requests.encode(message), call, timeoutMs)
  }

  /** Calls the listeners of a message; those of a persistent message also get its entry. */
  protected deliver (type: string, ...args: [payload?: unknown, entry?: unknown]): void {
    this.#listeners.call(type, ...args)
  }
}
