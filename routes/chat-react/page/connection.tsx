import { useConnectionState } from 'fastify-channels/react'
import { connectionWords } from '../../page/connection-words.ts'

/** Shows the state of the connection, and why it failed. */
export function Connection () {
  const { state, lastError } = useConnectionState()
  return <p role='status'>{connectionWords[state]} {lastError && <span className='problem'>{lastError.reason}</span>}</p>
}
