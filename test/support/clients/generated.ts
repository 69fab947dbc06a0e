import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import type { Test } from 'tap'
import { asyncApiDocument } from '../../../lib/asyncapi/index.ts'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { pythonClientOf } from '../../../lib/tools/python/python-client.ts'
import type { Session, SessionMessage } from '../docs/sessions.ts'

const Text = Type.Object({ text: Type.String() })

/** The contracts of the sample sessions of docs/protocol.md. */
const contracts = [
  defineChannel({
    pattern: 'chat/:room',
    params: Type.Object({ room: Type.String() }),
    fromClient: { 'message.send': { payload: Text, reply: Type.Object({ id: Type.String() }) } },
    fromServer: {
      'message.posted': {
        payload: Type.Object({ id: Type.String(), text: Type.String(), from: Type.Optional(Type.String()) })
      }
    },
    presence: Type.Object({ name: Type.String() }),
    history: { limit: 100, ttl: 60_000 }
  }),
  defineChannel({
    pattern: 'doc/:id',
    params: Type.Object({ id: Type.String() }),
    fromClient: {},
    fromServer: { edited: { payload: Text } },
    history: { limit: 100, ttl: 60_000, snapshot: Text }
  })
]

/** A folder with the module of a document, for `PYTHONPATH`. Without one it is that of the sample sessions. */
export function generate (
  t: Test, document = asyncApiDocument([{ url: '/sessions', contracts }]), name = 'sessions_client'
): string {
  const folder = t.testdir()
  writeFileSync(join(folder, `${name}.py`), pythonClientOf(document))
  return folder
}

/** What a client of a session notices: what came of its messages, and what it is told. */
export interface Noticed {
  /** `ack`, or the code of the error. */
  readonly replies: readonly string[]
  readonly told: readonly unknown[]
}

/** What a client has to notice of a session. */
export function expectedOf ({ lines }: Session): Noticed {
  const said = lines.filter(({ from }) => from === 'S').map(({ message }) => message)
  const replies = said.filter(({ type }) => type === 'ack' || type === 'error')
  return {
    replies: replies.map(({ type, payload }) => type === 'ack' ? 'ack' : String(payload?.code)),
    told: said.flatMap(toldBy)
  }
}

/** The sessions for a program. Each line says how much a client was told before it. */
export function sessionsFor (sessions: readonly Session[]): string {
  return JSON.stringify(sessions.map((session) => ({
    lines: session.lines.map((line, i) => {
      const { told } = expectedOf({ ...session, lines: session.lines.slice(0, i) })
      return { ...line, told: told.length }
    })
  })))
}

/** What one message of the server tells: a list of users, a change of it, a resync, and messages. */
function toldBy ({ type, payload = {} }: SessionMessage): unknown[] {
  if (type === 'presence') return [{ presence: names(payload.joined) }]
  if (type === 'ack' || type === 'resync') {
    const { presence, epoch, recovered, reason, snapshot, messages = [] } = payload
    const { state = null } = (snapshot ?? {}) as { state?: unknown }
    return [
      ...presence === undefined ? [] : [{ presence: names(presence) }],
      ...epoch === undefined || recovered === true ? [] : [{ resync: reason, state }],
      ...(messages as SessionMessage[]).flatMap(toldBy)
    ]
  }
  return ['message.posted', 'edited'].includes(type) ? [{ message: payload }] : []
}

const names = (entries: unknown) =>
  (entries as ReadonlyArray<{ data: { name: string } }>).map(({ data }) => data.name)
