import type { AddressInfo } from 'node:net'
import { Type } from '@sinclair/typebox'
import type { Test } from 'tap'
import { defineConnection } from '../../../lib/contract/define-channel.ts'
import { implement } from '../../../lib/server/implement.ts'
import { listen, makeApp } from '../serve.ts'

const text = Type.Object({ text: Type.String() })
const echo = defineConnection({ fromClient: { echo: { payload: text, reply: text } }, fromServer: {} })

/** A server that echoes texts in envelopes. Resolves to its port. */
export async function serveEcho (t: Test, maxPayload: number): Promise<number> {
  const websocket = { options: { perMessageDeflate: { threshold: 0 } } }
  // A big answer waits in the send queue, so its limit is above that of a message.
  const limits = { sendQueueBytes: 4 * maxPayload }
  const { app, sink } = await makeApp(t, { maxPayload, websocket, limits: { ...unlimited, ...limits } })
  app.ws('/', { public: true }, [implement(echo, { on: { echo: (_ctx, { text }) => ({ text }) } })])
  await listen(app, sink)
  return (app.server.address() as AddressInfo).port
}

const plenty = { max: 1_000_000_000, timeWindow: 1_000 }
const unlimited = { perIp: 10_000, messages: plenty, bytes: plenty }
