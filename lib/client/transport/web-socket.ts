/** What the client reads of a WebSocket event: browsers and `ws` agree on this much. */
export interface SocketEvent {
  readonly type: string
  readonly data?: unknown
  readonly code?: number
  readonly reason?: string
}

export interface SocketListener {
  handleEvent (event: SocketEvent): void
}

/** The part of the standard WebSocket that the client needs. */
export interface WebSocketLike {
  send (text: string): void
  close (code?: number, reason?: string): void
  addEventListener (type: SocketEventType, listener: SocketListener): void
  removeEventListener (type: SocketEventType, listener: SocketListener): void
}

export type SocketEventType = 'open' | 'message' | 'close' | 'error'

/** The WebSocket of a browser, of Node >= 22, or of the package `ws`. */
export interface WebSocketConstructor {
  new (url: string, protocols: string[]): WebSocketLike
}
