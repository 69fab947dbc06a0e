import { implement, type ImplementedChannel, type RoomsService } from 'fastify-channels'
import { Documents } from './documents.ts'
import { editor } from './editor.contract.ts'
import type { DocumentSnapshot, Edited } from './document-state.ts'
import { InvalidEdit, Stale } from './replica.ts'
import type { Append } from './shared-document.ts'

type Payload = (typeof editor)['definition']['fromServer']['edited']['payload']['static']
type State = (typeof editor)['definition']['history']['snapshot']['static']

/** The editor's handlers: one for each message that a client may send. */
export function editorHandlers (rooms: RoomsService): ImplementedChannel {
  const documents = new Documents((id) => rooms.of(editor, { id }))
  return implement(editor, {
    presence: ({ user }) => ({ name: user.name, colour: colourOf(user.sub) }),
    joined: ({ params, connection }) => documents.open(params.id, connection.id),
    left: ({ params, connection }) => documents.close(params.id, connection.id),
    on: {
      edit: async (ctx, { clientId, ...edit }) => {
        const own = { ...edit, clientId: `${ctx.user.sub}.${clientId}` }
        const append: Append = (edited, { after, snapshot }) =>
          ctx.append('edited', payloadOf(edited), { after, ...(snapshot && { snapshot: stateOf(snapshot) }) })
        try {
          return { version: await documents.get(ctx.params.id).push(own, append) }
        } catch (error) {
          if (error instanceof Stale) throw ctx.error('stale', { oldest: error.oldest, newest: error.newest })
          if (error instanceof InvalidEdit) throw ctx.error('invalid_edit', { reason: error.message })
          throw error
        }
      },
      cursor: (ctx, { clientId, ...cursor }) =>
        ctx.broadcast('moved', { ...cursor, clientId: `${ctx.user.sub}.${clientId}` }, { except: ctx.connection })
    }
  })
}

// The schema's static type is mutable, this value is not.
const payloadOf = (edited: Edited) => edited as Payload
const stateOf = (snapshot: DocumentSnapshot) => snapshot as unknown as State

/** One of eight colours, always the same for one user. */
function colourOf (user: string): number {
  return [...user].reduce((hash, c) => (hash * 31 + c.charCodeAt(0)) >>> 0, 7) % 8
}
