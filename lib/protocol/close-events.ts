/** The client's reaction to a close: nothing, connect again, connect again with a new token, or stop forever. */
export type Retry = 'no' | 'reconnect' | 'token' | 'stop'

/**
 * One way to close a connection. `code` is a WebSocket close code (RFC 6455 section 7.4 and the IANA registry),
 * `reason` is readable and at most 123 bytes of UTF-8 (RFC 6455 section 5.5). The code alone tells the client what to
 * do next.
 */
export interface CloseEvent {
  readonly code: number
  readonly reason: string
}

/** All close events of this library, by name, with the client's reaction. docs/protocol.md explains each. */
export const closeEvents = {
  normal: { code: 1000, reason: 'closed normally', retry: 'no' },
  goingAway: { code: 1001, reason: 'server is going away', retry: 'reconnect' },
  binary: { code: 1003, reason: 'binary frames are not accepted here', retry: 'stop' },
  notJson: { code: 1008, reason: 'a message is not valid JSON', retry: 'stop' },
  notEnvelope: { code: 1008, reason: 'a message is not an envelope', retry: 'stop' },
  protocolErrors: { code: 1008, reason: 'too many invalid messages', retry: 'stop' },
  flood: { code: 1008, reason: 'too many messages over the rate limit', retry: 'stop' },
  failed: { code: 1011, reason: 'the server failed', retry: 'reconnect' },
  restart: { code: 1012, reason: 'server is restarting', retry: 'reconnect' },
  tooSlow: { code: 1013, reason: 'the client reads too slowly', retry: 'reconnect' },
  expired: { code: 3000, reason: 'the token expired', retry: 'token' },
  revoked: { code: 3000, reason: 'the token or session was revoked', retry: 'token' },
  disconnected: { code: 3003, reason: 'disconnected by the server', retry: 'stop' }
} as const satisfies Record<string, CloseEvent & { readonly retry: Retry }>

/** RFC 6455 section 5.5: a control frame holds 125 bytes, two of them are the code. */
const maxReasonBytes = 123

/** Whether a close frame may have this code (RFC 6455 section 7.4): `ws` throws for other ones. */
export function isCloseCode (code: number): boolean {
  if (!Number.isInteger(code)) return false
  return (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999)
}

/**
 * A code and a reason that `ws` can send: it throws for other codes, and for reasons that are too long. Never throws,
 * because the event may be the JSON of another node.
 */
export function sendable ({ code, reason }: CloseEvent): { code: number, reason: string } {
  const text = typeof reason === 'string' ? cut(reason) : ''
  return { code: isCloseCode(code) ? code : closeEvents.normal.code, reason: text }
}

/** Cuts the reason between two characters. */
function cut (reason: string): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(maxReasonBytes))
  return reason.slice(0, read)
}

/** All other codes mean a temporary failure, such as 1006: the connection was lost without a close frame. */
const finalCodes = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3003]

/** Whether the client does not connect again after a close with `code`. */
export function isFinal (code: number): boolean {
  return finalCodes.includes(code)
}
