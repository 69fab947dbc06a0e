import type { Append, HistoryEntry, HistoryPageRead, HistoryRead } from '../../cluster/history.ts'

/** What a packet carries: its head, and the texts that are not encoded again. */
export interface Content {
  readonly head?: unknown
  readonly parts?: readonly Buffer[]
}

type EntryHead = Omit<HistoryEntry, 'encoded'>

function headOf ({ offset, id, hash, prev, whenSlow }: HistoryEntry): EntryHead {
  return { offset, id, hash, prev, whenSlow }
}

function entryOf (head: EntryHead, encoded: Buffer | undefined): HistoryEntry {
  return { ...head, encoded: encoded as Buffer, whenSlow: head.whenSlow }
}

const textParts = (text: string | undefined) => text === undefined ? [] : [Buffer.from(text)]

export function appendContent ({ encoded, snapshot, ...head }: Append): Required<Content> {
  return { head, parts: [encoded, ...textParts(snapshot)] }
}

export function readAppend ({ head, parts = [] }: Content): Append {
  const [encoded, snapshot] = parts
  return { ...head as Append, encoded: encoded as Buffer, snapshot: snapshot?.toString() }
}

export function entryContent (entry: HistoryEntry, snapshot: string | undefined): Required<Content> {
  return { head: headOf(entry), parts: [entry.encoded, ...textParts(snapshot)] }
}

export function readEntry (head: unknown, [encoded, snapshot]: readonly Buffer[]) {
  return { entry: entryOf(head as EntryHead, encoded), snapshot: snapshot?.toString() }
}

/** A read or a page: the state of its snapshot, if there is one, precedes its messages. */
export function readContent ({ entries, ...rest }: HistoryRead | HistoryPageRead): Content {
  const messages = entries.map(({ encoded }) => encoded)
  const snapshot = 'snapshot' in rest ? rest.snapshot : undefined
  return {
    head: { ...rest, ...(snapshot && { snapshot: { ...snapshot, state: '' } }), entries: entries.map(headOf) },
    parts: [...textParts(snapshot?.state), ...messages]
  }
}

/** What `readContent` was given. */
export function readOf ({ head, parts = [] }: Content): HistoryRead & HistoryPageRead {
  const read = head as HistoryRead & HistoryPageRead
  const messages = read.snapshot ? parts.slice(1) : parts
  return {
    ...read,
    ...(read.snapshot && { snapshot: { ...read.snapshot, state: String(parts[0]) } }),
    entries: read.entries.map((entry, i) => entryOf(entry, messages[i]))
  }
}
