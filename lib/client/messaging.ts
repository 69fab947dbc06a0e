import type { Envelope } from '../protocol/envelope.ts'
import { Listeners, type Unsubscribe } from './listeners.ts'
import { RequestError } from './request-error.ts'
import { Call, type CallOptions } from './requests/call.ts'
import type { Requests } from './requests/requests.ts'

/** What `trySend` resolves to. */
export type Result =
  | { readonly ok: true, readonly reply: unknown }
  | { readonly ok: false, readonly error: RequestError }

/** The result of a `send`. Rejects with what is no failure of it, such as the reason of a signal. */
export async function resultOf (sending: Promise<unknown>): Promise<Result> {
  try {
    return { ok: true, reply: await sending }
  } catch (error) {
    if (error instanceof RequestError) return { ok: false, error }
    throw error
  }
}

/**
 * The messages of one channel, or of the connection itself. `TypedMessaging` documents the public members. Listeners of
 * events that are no messages have the names of control messages, which no contract can declare.
 */
export abstract class Messaging {
  readonly requests: Requests
  /** The address of the channel; undefined for the connection itself. */
  readonly address: string | undefined
  readonly #listeners: Listeners<Record<string, unknown[]>>

  constructor (requests: Requests, address?: string) {
    this.requests = requests
    this.address = address
    this.#listeners = new Listeners(requests.deps.report)
  }

  on (type: string, listener: (...args: never[]) => void): Unsubscribe {
    return this.#listeners.add(type, listener as () => void)
  }

  send (type: string, payload?: unknown, options: CallOptions = {}): Promise<unknown> {
    return this.call({ type, channel: this.address, payload }, options, (call) => this.sendIn(call, options.timeout))
  }

  isError (error: unknown, type: string, code?: string): error is RequestError {
    return error instanceof RequestError && error.type === type && error.channel === this.address &&
      (code === undefined ? error.isDeclared : error.code === code)
  }

  /** A promise that `start` settles, the deadline or the signal. */
  protected call (message: Envelope, { signal }: CallOptions, start: (call: Call) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = new Call(this.requests.deps.clock, message, { resolve, reject }, signal)
      try {
        if (!call.isSettled) start(call)
      } catch (error) {
        call.reject(error as RequestError)
      }
    })
  }

  /** Sends a message whose reply settles the call. */
  protected abstract sendIn (call: Call, timeoutMs?: number): void

  /** Calls the listeners of a message; those of a persistent message also get its entry. */
  protected deliver (type: string, ...args: unknown[]): void {
    this.#listeners.call(type, ...args)
  }
}
