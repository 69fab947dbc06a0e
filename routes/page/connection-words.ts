/** What a page says of the state of its client. */
export const connectionWords = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  recovering: 'Catching up…',
  open: 'Connected',
  closed: 'Disconnected'
} as const
