import type { Envelope } from '../../protocol/envelope.ts'

/** What a test saw. */
export interface Evidence {
  /** The message that was sent last. */
  readonly sent?: Envelope | undefined
  /** The message that came back. */
  readonly received?: unknown
  /** What the contract or the protocol asks for. */
  readonly expected: string
}

/** The error of a contract test: the server does not do what its contract says. */
export class BrokenContract extends Error {
  override readonly name = 'BrokenContract'
  /** What the server did, such as `the message has no reply`. */
  readonly issue: string
  /** The message of the contract, such as `message.send`; or a control message, such as `join`. */
  readonly type: string
  readonly sent: Envelope | undefined
  readonly received: unknown
  readonly expected: string

  constructor (issue: string, type: string, { sent, received, expected }: Evidence) {
    super([
      `${issue} in '${type}': expected ${expected}`,
      ...(sent === undefined ? [] : [`  sent: ${short(sent)}`]),
      ...(received === undefined ? [] : [`  received: ${short(received)}`])
    ].join('\n'))
    this.issue = issue
    this.type = type
    this.sent = sent
    this.received = received
    this.expected = expected
  }
}

const maxLength = 2_000

function short (value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > maxLength ? `${text.slice(0, maxLength)}… (${text.length} characters)` : text
}
