import type { Envelope } from '../protocol/envelope.ts'
import type { EntryPosition } from '../protocol/encoding.ts'
import { Listeners, type Unsubscribe } from './listeners.ts'
import { RequestError, isDeclared } from './request-error.ts'
import type { Transport } from './transport/transport.ts'

type Result = { readonly ok: true, readonly reply: unknown } | { readonly ok: false, readonly error: RequestError }

/** `EntryInfo` in typed-messaging.ts documents the members. */
export type Entry = Omit<EntryPosition, 'prev'>

/** The messages of one channel, or of the connection itself. `TypedMessaging` documents the public members. */
export class Messaging {
  readonly #transport: Transport
  readonly #channel: string | undefined
  readonly #listeners = new Map<string, Listeners<[payload: unknown, entry?: Entry]>>()

  constructor (transport: Transport, channel?: string) {
    this.#transport = transport
    this.#channel = channel
  }

  on (type: string, listener: (payload: unknown, entry?: Entry) => void): Unsubscribe {
    const listeners = this.#listeners.get(type) ?? new Listeners(this.#transport.deps.report)
    this.#listeners.set(type, listeners)
    return listeners.add(listener)
  }

  send (type: string, payload?: unknown): Promise<unknown> {
    const message = { type, ...(this.#channel !== undefined && { channel: this.#channel }), payload }
    return new Promise((resolve, reject) => this.#transport.request(message, { resolve, reject }))
  }

  async trySend (type: string, payload?: unknown): Promise<Result> {
    try {
      return { ok: true, reply: await this.send(type, payload) }
    } catch (error) {
      if (error instanceof RequestError) return { ok: false, error }
      throw error
    }
  }

  isError (error: unknown, type: string, code?: string): error is RequestError {
    return error instanceof RequestError && error.type === type && error.channel === this.#channel &&
      (code === undefined ? isDeclared(error.code) : error.code === code)
  }

  /** Calls the listeners of a message; those of a persistent message also get its entry. */
  protected deliver ({ type, payload }: Envelope, ...entry: [Entry?]): void {
    this.#listeners.get(type)?.call(payload, ...entry)
  }
}
