import type { JoinAck } from '../../protocol/control-messages.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Recovery, SentSnapshot } from '../../protocol/history.ts'
import type { EntryPosition, Position } from '../../protocol/position.ts'

/** A message of the server. A persistent one has the header of its entry. */
export type Received = Envelope | (Envelope & EntryPosition)

/** The payload of the ack of a join, if it has one. */
export type Ack = (JoinAck & Partial<Recovery>) | undefined

/** `Resync` in typed-channel.ts documents the members. */
export interface ResyncEvent {
  readonly reason: string
  readonly snapshot?: SentSnapshot
  readonly position: Position
}

/** The state in the ack of a join or in a `resync`; undefined without a history, or when the server cannot read it. */
export function resyncIn (recovery: Partial<Recovery> | undefined): ResyncEvent | undefined {
  if (recovery?.epoch === undefined) return undefined
  const { reason = 'fresh', snapshot, epoch, offset, hash } = recovery as Recovery
  return { reason, ...(snapshot && { snapshot }), position: { epoch, offset, hash } }
}

/** The messages in the ack of a join or in a `resync`. */
export function messagesOf (recovery: Partial<Recovery> | undefined): readonly Received[] {
  return (recovery?.messages ?? []) as readonly Received[]
}

/** How a message relates to the position: the next entry or none, an entry delivered before, or one after a gap. */
export type EntryOrder = 'next' | 'known' | 'gap'

/** The newest entry of a channel's history that was delivered. */
export class HistoryPosition {
  /** The position from which a join asks to recover; undefined before the first one is known. */
  since: Position | undefined

  /** Moves to the position before the first message that the server sent, or to `newest` when it sent none. */
  reset (newest: Position, first: Received | undefined): void {
    this.since = first && 'prev' in first ? { ...newest, offset: first.offset - 1, hash: first.prev } : newest
  }

  /** Moves to the entry of a message if that entry is the next one. */
  advance (message: Received): EntryOrder {
    const order = this.orderOf(message)
    if (order === 'next' && 'prev' in message) {
      this.since = { ...this.since as Position, offset: message.offset, hash: message.hash }
    }
    return order
  }

  orderOf (message: Received): EntryOrder {
    if (!('prev' in message)) return 'next'
    const { since } = this
    if (since && message.offset <= since.offset) return 'known'
    return since?.hash === message.prev ? 'next' : 'gap'
  }
}
