import { Type } from '@sinclair/typebox'
import { defineChannel } from 'fastify-channels/contract'

const Metrics = Type.Record(Type.String(), Type.Number(), { description: 'by `node/metric`' })
const milliseconds = Type.Integer({ description: 'milliseconds since 1970' })

/** The dashboard's contract: a joining client gets the whole board as the snapshot, then a delta each second. */
export const metrics = defineChannel({
  pattern: 'metrics',
  fromClient: {},
  fromServer: {
    changed: {
      payload: Type.Object({
        at: milliseconds,
        by: Type.String({ description: 'the node that appended it' }),
        set: Metrics,
        del: Type.Array(Type.String())
      }),
      // A slow client gets one newer board and not a growing queue.
      whenSlow: 'skip'
    }
  },
  history: {
    limit: 600,
    ttl: 600_000,
    snapshot: Type.Object({
      metrics: Metrics,
      points: Type.Object({
        at: Type.Array(milliseconds),
        series: Type.Record(Type.String(), Type.Array(Type.Union([Type.Number(), Type.Null()])))
      }, { description: 'the last 120 of each metric that is drawn, beside each other; null where there was none' })
    })
  }
})
