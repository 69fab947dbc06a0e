import { useConnectionState } from 'fastify-channels/react'

const words = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  recovering: 'Catching up…',
  open: 'Connected',
  closed: 'Disconnected'
} as const

/** Shows the state of the connection, and why it failed. */
export function Connection () {
  const { state, lastError } = useConnectionState()
  return <p role='status'>{words[state]} {lastError && <span className='problem'>{lastError.reason}</span>}</p>
}
