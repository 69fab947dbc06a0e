import { connect } from 'fastify-channels/client'
import type { metrics } from '../dashboard.contract.ts'
import type { Follower } from './follower.ts'
import type { Line } from './line.ts'

/** Connects this page. The contract is imported as a type only, so the page carries no schemas. */
export function openClient (line: Line) {
  return connect<typeof metrics>('../ws/dashboard', line.options)
}

export type Client = ReturnType<typeof openClient>

/** Joins the channel and passes its messages to the follower. Calls `changed` after each change. */
export async function follow (client: Client, follower: Follower, changed: () => void): Promise<void> {
  client.onState((state) => { if (state !== 'open') follower.lost() })
  const channel = await client.join('metrics', {}, {
    onResync: ({ reason, snapshot, position }) => {
      follower.begin(reason, position, snapshot?.state)
      changed()
    }
  })
  channel.on('changed', (delta, { offset }) => {
    follower.take(delta, offset)
    changed()
  })
  channel.onRecovered(() => {
    follower.recovered()
    changed()
  })
}
