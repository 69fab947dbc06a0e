import type { EncodedMessage } from '../protocol/encoding.ts'

/** Messages with commas between them, and where each begins. */
interface Joined {
  readonly messages: readonly EncodedMessage[]
  readonly starts: readonly number[]
  readonly bytes: Buffer
}

const [open, comma, close] = [Buffer.from('['), Buffer.from(','), Buffer.from(']')]

/**
 * The newest messages of one history as JSON lists. Lists that end with the same message share the bytes of the longest
 * one, because many clients return at once, each from another position: for 1,000 of them that miss 250 messages on
 * average, joining the messages of each took a quarter of the server's time. The bytes are not kept beyond that: as
 * soon as memory is collected, they are made again for the next client.
 */
export class SharedLists {
  #joined: WeakRef<Joined> | undefined

  /** The parts of the JSON list of these messages, which are the newest ones of the history. */
  partsOf (messages: readonly EncodedMessage[]): readonly Buffer[] {
    if (messages.length < 2) return [open, ...messages, close]
    const joined = this.#joined?.deref()
    const known = joined && suffixOf(joined, messages)
    return [open, known ?? this.#join(messages), close]
  }

  #join (messages: readonly EncodedMessage[]): Buffer {
    const starts: number[] = []
    const pieces: Buffer[] = []
    let start = 0
    for (const message of messages) {
      starts.push(start)
      pieces.push(message, comma)
      start += message.length + 1
    }
    const bytes = Buffer.concat(pieces, start - 1)
    this.#joined = new WeakRef({ messages, starts, bytes })
    return bytes
  }
}

/** The bytes of the last messages of a list; undefined when it does not end with these. */
function suffixOf ({ messages: all, starts, bytes }: Joined, messages: readonly EncodedMessage[]): Buffer | undefined {
  const first = all.length - messages.length
  if (first < 0 || all.at(-1) !== messages.at(-1) || all[first] !== messages[0]) return undefined
  return bytes.subarray(starts[first])
}
