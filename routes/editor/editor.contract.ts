import { Type } from '@sinclair/typebox'
import { defineChannel } from 'fastify-channels/contract'

const Version = Type.Integer({
  minimum: 0, description: 'the offset in the log of the last edit that is in the document'
})
const Seq = Type.Integer({ minimum: 1, description: 'the number of the edit among those of its client' })
const Place = Type.Integer({ minimum: 0, description: 'in UTF-16 code units, in the document of that version' })

/**
 * A page load's id as the page knows it. For others the server puts the user's id and a dot before it, so that no
 * client can pose as another user's.
 */
const OwnClient = Type.String({ pattern: '^[a-zA-Z0-9-]{1,36}$' })
const Client = Type.String({ pattern: '^.+\\.[a-zA-Z0-9-]{1,36}$' })

/**
 * `ChangeSet.toJSON()`: lengths to keep, and `[length to delete, …lines to insert]`. One message's size is the bound.
 */
const Changes = Type.Array(Type.Union([
  Type.Integer({ minimum: 0 }),
  Type.Array(
    Type.Union([Type.Integer({ minimum: 0 }), Type.String({ maxLength: 20_000 })]), { minItems: 1, maxItems: 20_001 }
  )
]), { maxItems: 1_000 })

/** The editor's contract: one declaration for the server, the page and the tests. */
export const editor = defineChannel({
  pattern: 'doc/:id',
  params: Type.Object({ id: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }) }),
  fromClient: {
    edit: {
      payload: Type.Object({
        version: Version,
        hash: Type.Optional(
          Type.String({
            maxLength: 64, description: 'of that version: tells it from one that a lost log gave the same number'
          })
        ),
        clientId: OwnClient,
        seq: Seq,
        changes: Changes
      }),
      reply: Type.Object({ version: Version }),
      errors: {
        stale: Type.Object(
          { oldest: Version, newest: Version }, { description: 'the versions that an edit may be made at now' }
        ),
        invalid_edit: Type.Object({ reason: Type.String() })
      }
    },
    cursor: { payload: Type.Object({ version: Version, clientId: OwnClient, anchor: Place, head: Place }) }
  },
  fromServer: {
    edited: { payload: Type.Object({ clientId: Client, seq: Seq, changes: Changes }) },
    moved: {
      payload: Type.Object({ clientId: Client, version: Version, anchor: Place, head: Place }),
      ephemeral: true,
      whenSlow: { latest: '/clientId' }
    }
  },
  presence: Type.Object({ name: Type.String(), colour: Type.Integer({ minimum: 0, maximum: 7 }) }),
  // A snapshot comes every 500 versions. With twice that many entries a client can be away while 500 are written
  // and still recover.
  history: {
    limit: 1_000,
    ttl: 30 * 86_400_000,
    snapshot: Type.Object({
      text: Type.String(),
      seqs: Type.Array(
        Type.Tuple([Client, Seq, Version]), { description: 'the last edit of each client, and the version it made' }
      )
    })
  }
})
