import { connect } from 'fastify-channels/client'
import type { Session } from '../../page/session.ts'
import type { editor } from '../editor.contract.ts'
import type { DocumentResync } from './draft.ts'

/** Connects this page. The contract is imported as a type only, so the page carries no schemas. */
export function openClient (session: Session) {
  const client = connect<typeof editor>('../ws/editor', { token: () => session.token() })
  client.onState((state) => { if (state === 'open') session.accepted() })
  return client
}

export function joinDocument (client: Client, id: string, onResync: (anew: DocumentResync) => void) {
  return client.join('doc/:id', { id }, { onResync })
}

export type Client = ReturnType<typeof openClient>
export type DocumentChannel = Awaited<ReturnType<typeof joinDocument>>
