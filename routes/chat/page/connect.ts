import { connect } from 'fastify-channels/client'
import type { chat } from '../chat.contract.ts'
import type { Session } from '../../page/session.ts'

/** Connects this page. The contract is imported as a type only, so the page carries no schemas. */
export function openClient (session: Session) {
  const client = connect<typeof chat>('../ws/chat', { token: () => session.token() })
  client.onState((state) => { if (state === 'open') session.accepted() })
  return client
}

/** `onResync` replaces the list; messages up to the given offset are history. */
export function joinRoom (client: Client, room: string, begun: (offset: number) => void) {
  return client.join('chat/:room', { room }, { onResync: ({ position }) => begun(position.offset) })
}

export type Client = ReturnType<typeof openClient>
export type RoomChannel = Awaited<ReturnType<typeof joinRoom>>
