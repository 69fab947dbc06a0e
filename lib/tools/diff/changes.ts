import type { Side } from '../../asyncapi/model/side.ts'
import { refusalsOf } from './refusals.ts'

/** Whom a change breaks: clients of the old contract on the new server, or those of the new one on the old server. */
export interface Breaks {
  readonly oldClients: boolean
  readonly newClients: boolean
}

/** One difference between two documents. */
export interface Change {
  /** `fromClient`, `fromServer`, or the channel itself. */
  readonly direction: 'fromClient' | 'fromServer' | 'channel'
  /** The part of the contract, such as `fromClient 'message.send', payload/text`. */
  readonly where: string
  readonly what: string
  readonly breaks: Breaks
}

const never: Breaks = { oldClients: false, newClients: false }
export const breaksOld: Breaks = { oldClients: true, newClients: false }
export const breaksNew: Breaks = { oldClients: false, newClients: true }
export const breaksBoth: Breaks = { oldClients: true, newClients: true }

/** Collects the changes of one part of a contract. */
export class Changes {
  readonly #direction: Change['direction']
  readonly #where: string
  readonly #found: Change[]

  constructor (direction: Change['direction'], where: string, found: Change[]) {
    this.#direction = direction
    this.#where = where
    this.#found = found
  }

  add (what: string, breaks: Breaks = never, where = this.#where): void {
    this.#found.push({ direction: this.#direction, where, what, breaks })
  }

  /** A part that one of the two does not have. Returns whether both have it. */
  presence (old: unknown, now: unknown, what: string, { removed = breaksOld, added = breaksNew } = {}): boolean {
    if (old !== undefined && now === undefined) this.add(`${what} is removed`, removed)
    if (old === undefined && now !== undefined) this.add(`${what} is added`, added)
    return old !== undefined && now !== undefined
  }

  /** A number, flag or text that may differ without breaking anybody, unless `breaks` says so. */
  value (old: unknown, now: unknown, what: string, breaks: Breaks = never): void {
    const [before, after] = [JSON.stringify(old) ?? 'none', JSON.stringify(now) ?? 'none']
    if (before !== after) this.add(`${what}: ${after} in place of ${before}`, breaks)
  }

  /** What clients send: the server refuses what its schema does not accept. */
  input (old: Side, now: Side, name: string): void {
    for (const { path, reason } of refusalsOf(old, now, false)) this.#schema(name, path, reason, breaksOld)
    for (const { path, reason } of refusalsOf(now, old, false)) {
      this.#schema(name, path, `before the change, ${reason}`, breaksNew)
    }
  }

  /** What clients receive: they ignore members that they do not know. */
  output (old: Side, now: Side, name: string): void {
    for (const { path, reason } of refusalsOf(now, old, true)) {
      this.#schema(name, path, `before the change, ${reason}`, breaksOld)
    }
    for (const { path, reason } of refusalsOf(old, now, true)) this.#schema(name, path, reason, breaksNew)
  }

  #schema (name: string, path: string, what: string, breaks: Breaks): void {
    const at = `${name}${path}`
    this.add(what, breaks, `${this.#where}, ${at.startsWith('/') ? at.slice(1) : at}`)
  }
}
