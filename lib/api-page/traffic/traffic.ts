import type { Envelope } from '../../protocol/envelope.ts'

/** One message, as the page shows it. */
export interface TrafficEntry {
  readonly direction: 'sent' | 'received'
  /** Milliseconds since 1970. */
  readonly at: number
  readonly route: string
  readonly text: string
  /** In UTF-8. */
  readonly bytes: number
  /** Undefined where the text is no JSON object. */
  readonly envelope: Envelope | undefined
  /** Of a reply: the message that it answers. */
  readonly request: TrafficEntry | undefined
  /** The first mistake, as `pointer: message`. Undefined for a valid message. */
  readonly issue: string | undefined
}

/** What is kept at most. */
export const maxEntries = 500

/** Finds the first mistake in a message. */
export type FindIssue = (entry: Omit<TrafficEntry, 'issue'>) => string | undefined

/** What went over the connections of the page. */
export class Traffic {
  readonly #issueOf: FindIssue
  readonly #now: () => number
  readonly #listeners = new Set<(entry: TrafficEntry) => void>()
  /** Messages that have no reply yet, by their route and `correlationId`. */
  readonly #requests = new Map<string, TrafficEntry>()

  constructor (issueOf: FindIssue, now: () => number = Date.now) {
    this.#issueOf = issueOf
    this.#now = now
  }

  onEntry (listener: (entry: TrafficEntry) => void): void {
    this.#listeners.add(listener)
  }

  add (direction: TrafficEntry['direction'], route: string, text: string): void {
    const envelope = envelopeIn(text)
    const key = JSON.stringify([route, envelope?.correlationId])
    const isReply = direction === 'received' && (envelope?.type === 'ack' || envelope?.type === 'error')
    const request = isReply ? this.#requests.get(key) : undefined
    const bytes = new TextEncoder().encode(text).length
    const found = { direction, at: this.#now(), route, text, bytes, envelope, request }
    const entry = { ...found, issue: this.#issueOf(found) }
    if (request) this.#requests.delete(key)
    if (direction === 'sent' && envelope?.correlationId !== undefined) this.#remember(key, entry)
    for (const listener of this.#listeners) listener(entry)
  }

  /** A message whose reply never comes is forgotten in the end. */
  #remember (key: string, entry: TrafficEntry): void {
    this.#requests.set(key, entry)
    const [oldest] = this.#requests.keys()
    if (this.#requests.size > maxEntries) this.#requests.delete(oldest as string)
  }
}

function envelopeIn (text: string): Envelope | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Envelope : undefined
  } catch {
    return undefined
  }
}
