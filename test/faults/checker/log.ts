/** How a message of the rig is sent: `write` is idempotent and persistent, `say` persistent, `hint` ephemeral. */
export type MessageKind = 'write' | 'say' | 'hint'

/** What the clients of one run did and saw. `at`: milliseconds since 1970, on the clock that all processes share. */
export type LogEvent = { readonly at: number, readonly client: string } & (
  | { readonly what: 'sent', readonly channel: string, readonly id: string, readonly kind: MessageKind }
  | { readonly what: 'acked', readonly id: string }
  | { readonly what: 'failed', readonly id: string, readonly code: string }
  | Received
  | { readonly what: 'resync', readonly channel: string, readonly reason: string }
  /** The whole presence list of a channel. `wrong`: users that the change named and that it cannot be about. */
  | { readonly what: 'presence', readonly channel: string, readonly users: readonly string[], readonly wrong: number }
  | { readonly what: 'state', readonly state: string, readonly code?: number | undefined }
  /** The client left for good. */
  | { readonly what: 'gone' }
)

export interface Received {
  readonly what: 'received'
  readonly channel: string
  readonly id: string
  /** The channel that the message was sent to. */
  readonly of: string
  /** Where the history has it; an ephemeral message has none. */
  readonly offset?: number | undefined
  /** The connection of its sender, and its number among the messages of that sender. */
  readonly connection: string
  readonly n: number
}

/** The record of one run: the clients of each channel, the time of the fault and everything that the clients saw. */
export interface RunLog {
  readonly members: Readonly<Record<string, readonly string[]>>
  readonly began: number
  /** The end of the fault: recovery is measured from here. */
  readonly ended: number
  readonly events: readonly LogEvent[]
  /** Histories may be lost, so a resync has a cause. */
  readonly losesHistory?: boolean | undefined
  /** The system has no presence. */
  readonly hasNoPresence?: boolean | undefined
  /** Readers are too slow, so a resync for slowness has a cause. */
  readonly hasSlowReaders?: boolean | undefined
}

export function eventsOf<W extends LogEvent['what']> (
  { events }: RunLog, what: W
): Array<Extract<LogEvent, { what: W }>> {
  return events.filter((event) => event.what === what) as Array<Extract<LogEvent, { what: W }>>
}
