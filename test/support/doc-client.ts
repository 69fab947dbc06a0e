import { setImmediate } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import { connect, type ConnectOptions, type Resync, type ClientState } from '../../lib/client/index.ts'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { FakeClock } from '../../lib/testing/fake-clock.ts'
import { FakeNetwork, type FakeWebSocket } from '../../lib/testing/fake-web-socket.ts'

/** The `fetch` of a client without a network. */
export const noNetwork = async (): Promise<Response> => { throw new TypeError('no network') }

/** A channel with a history, an idempotent message and an ephemeral one. */
export const doc = defineChannel({
  pattern: 'doc/:id',
  params: Type.Object({ id: Type.String() }),
  fromClient: {
    edit: {
      payload: Type.Object({ text: Type.String() }),
      reply: Type.Integer(),
      errors: { locked: Type.Object({}) },
      idempotent: true
    },
    look: {}
  },
  fromServer: {
    edited: { payload: Type.String() },
    moved: { payload: Type.Integer(), ephemeral: true }
  },
  history: { limit: 100, ttl: 60_000, snapshot: Type.Object({ text: Type.String() }) }
})

/** The entry at an offset of the history, and the position after it. */
export const edited = (offset: number, text = `e${offset}`) =>
  ({
    type: 'edited',
    channel: 'doc/1',
    payload: text,
    offset,
    id: `id-${offset}`,
    hash: `l${offset}`,
    prev: `l${offset - 1}`
  })
export const at = (offset: number, epoch = 'a') => ({ epoch, offset, hash: `l${offset}` })

/** A client with the longest waits that the jitter allows; `seen` records the events of one document. */
export function startDoc (options: ConnectOptions = {}, open: typeof connect = connect) {
  const clock = new FakeClock()
  const network = new FakeNetwork()
  const client = open<typeof doc>(
    'wss://api.test/ws',
    { WebSocket: network.WebSocket, fetch: noNetwork, clock, random: () => 1, ...options }
  )
  const seen: unknown[] = []
  const states: ClientState[] = []
  client.onState((state) => states.push(state))
  const join = async () => {
    const joined = await client.join('doc/:id', { id: '1' }, {
      onResync: (resync: Resync<typeof doc.definition>) => seen.push(resync),
      onRecovered: () => seen.push('recovered')
    })
    joined.on('edited', (payload, entry) => seen.push([payload, entry.offset]))
    joined.on('moved', (...args) => seen.push(args))
    return joined
  }
  const accept = async () => {
    await setImmediate()
    network.last.accept()
    return network.last
  }
  const reconnect = async () => {
    network.last.end(1006)
    clock.advance(1000)
    return accept()
  }
  return { clock, network, client, seen, states, join, open: accept, reconnect }
}

/** A client that has joined an empty document. */
export async function joinDoc (
  ack: object = { ...at(0), recovered: false, reason: 'fresh', messages: [] }, options: ConnectOptions = {},
  open?: typeof connect
) {
  const started = startDoc(options, open)
  const socket = await started.open()
  const joining = started.join()
  socket.ack('join', { idempotent: ['edit'], ...ack })
  const joined = await joining
  started.clock.advance(0)
  return { ...started, socket, doc: joined }
}

/** The types of the sent messages, in order. */
export const typesOf = (socket: FakeWebSocket) => socket.sent.map(({ type }) => type)
