import type { AnnouncedEntry } from '../../cluster/history.ts'
import { whenSlowOf } from './replies.ts'

/** What one script has appended, in order. */
export interface PublishedEntries {
  readonly epoch: string
  readonly entries: readonly AnnouncedEntry[]
}

type SingleHead = readonly [
  epoch: string, offset: string, id: string, hash: string, prev: string, slow: string, length: string
]

/** `offset` and `prev` are those of the first entry. Each other entry follows the one before it. */
type SeveralHead = readonly [epoch: string, offset: string, prev: string, entries: readonly EntryHead[]]

type EntryHead = readonly [id: string, hash: string, slow: string, length: number, snapshotLength: number]

/** Reads a message of kind `h`. @throws {TypeError | SyntaxError} when it is malformed */
export function readSingle (body: Buffer): PublishedEntries {
  const { head, at } = readHead(body)
  if (!isSingleHead(head)) throw new TypeError('a history entry without its head')
  const [epoch, offset, id, hash, prev, slow, length] = head
  const encoded = body.subarray(at, at + Number(length))
  if (encoded.length < 2 || encoded.length !== Number(length)) throw new TypeError('a history entry is cut off')
  const snapshot = textIn(body, at + encoded.length, body.length)
  const entry = { offset: Number(offset), id, hash, prev, encoded, whenSlow: whenSlowOf(slow) }
  return { epoch, entries: [{ entry, snapshot }] }
}

/** Reads a message of kind `e`. @throws {TypeError | SyntaxError} when it is malformed */
export function readSeveral (body: Buffer): PublishedEntries {
  let { head, at } = readHead(body)
  if (!isSeveralHead(head)) throw new TypeError('history entries without their head')
  const [epoch, first, firstPrev, heads] = head
  let [offset, prev] = [Number(first), firstPrev]
  const entries = heads.map(([id, hash, slow, length, snapshotLength]) => {
    const entry = { offset, id, hash, prev, encoded: body.subarray(at, at + length), whenSlow: whenSlowOf(slow) }
    const snapshot = textIn(body, at + length, at + length + snapshotLength)
    at += length + snapshotLength
    offset++
    prev = hash
    return { entry, snapshot }
  })
  if (at !== body.length) throw new TypeError('history entries are cut off')
  return { epoch, entries }
}

/** The JSON before the line feed, and where the rest begins. */
function readHead (body: Buffer): { head: unknown, at: number } {
  const end = body.indexOf(0x0a)
  return { head: JSON.parse(body.toString('utf8', 0, end)), at: end + 1 }
}

function textIn (body: Buffer, start: number, end: number): string | undefined {
  return start < end ? body.toString('utf8', start, end) : undefined
}

function isSingleHead (value: unknown): value is SingleHead {
  return Array.isArray(value) && value.length === 7 && value.every(isText) && isWhole(value[1]) && isWhole(value[6])
}

function isSeveralHead (value: unknown): value is SeveralHead {
  if (!Array.isArray(value) || value.length !== 4 || !value.slice(0, 3).every(isText)) return false
  return isWhole(value[1]) && Array.isArray(value[3]) && value[3].every(isEntryHead)
}

function isEntryHead (value: unknown): value is EntryHead {
  if (!Array.isArray(value) || value.length !== 5 || !value.slice(0, 3).every(isText)) return false
  return Number.isSafeInteger(value[3]) && value[3] >= 2 && Number.isSafeInteger(value[4]) && value[4] >= 0
}

function isText (value: unknown): value is string {
  return typeof value === 'string'
}

/** Whether a text is a whole number that JavaScript can count with. */
function isWhole (text: unknown): boolean {
  return Number.isSafeInteger(Number(text))
}
