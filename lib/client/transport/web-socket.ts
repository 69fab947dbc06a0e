/** The properties of a WebSocket event that the client reads. Browsers and `ws` both have them. */
export interface SocketEvent {
  readonly type: string
  readonly data?: unknown
  readonly code?: number
  readonly reason?: string
  /** What went wrong, in an error event of Node. */
  readonly message?: string
}

/** A listener in the form of an object, which browsers and `ws` both accept. */
export interface SocketListener {
  handleEvent (event: SocketEvent): void
}

/** The part of the standard WebSocket that the client uses. */
export interface WebSocketLike {
  send (text: string): void
  close (code?: number, reason?: string): void
  addEventListener (type: SocketEventType, listener: SocketListener): void
}

export type SocketEventType = 'message' | 'close' | 'error'

/** The `WebSocket` of a browser, of Node 22 or later, or of the package `ws`. */
export interface WebSocketConstructor {
  new (url: string, protocols: string[]): WebSocketLike
}

/** How a connection ended. */
export interface CloseInfo {
  /** The WebSocket close code, such as 1008; 1006 when the connection was lost or could not be opened. */
  readonly code: number
  /** The close reason in plain English, for people; may be empty. */
  readonly reason: string
}

export const normalCode = 1000
/**
 * Closes a connection that another one replaces. It is the 1001 of browsers, which let pages send only 1000 and codes
 * from 3000. Unlike 1000 it does not end the presence of the user.
 */
export const goingAwayCode = 4001
