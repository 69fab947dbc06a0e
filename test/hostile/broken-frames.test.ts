import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { constants, deflateRawSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { ServerOptions } from 'ws'
import { close, frame, opcodes, readClose } from '../support/hostile/frames.ts'
import { handshake, readAnswer } from '../support/hostile/http.ts'
import { RawSocket } from '../support/hostile/raw-socket.ts'
import { makeApp } from '../support/serve.ts'

/** A connection to a server with these options of `ws`, and the socket at the server's end. */
async function connect (
  t: Test, options: ServerOptions = {}, path = '/ws'
): Promise<{ raw: RawSocket, socket: Socket }> {
  const { app } = await makeApp(t, { websocket: { options: options as never } })
  app.ws('/ws', { public: true }, [])
  app.get('/throws', { websocket: true }, () => { throw new Error('the application failed') })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const upgraded = once(app.server, 'upgrade')
  const raw = await RawSocket.open((app.server.address() as AddressInfo).port)
  raw.write(handshake({ path, headers: { 'sec-websocket-extensions': 'permessage-deflate' } }))
  const [, socket] = await upgraded as [unknown, Socket]
  await raw.until(readAnswer)
  return { raw, socket }
}

t.test('a client that still sends a message that is too large reads 1009, and its socket is not reset', async (t) => {
  const { raw, socket } = await connect(t)
  const message = frame('x'.repeat(1_000_000))
  raw.write(message.subarray(0, 100_000))
  t.match(await raw.until(readClose), { code: 1009 })
  const ended = once(socket, 'end')
  raw.write(message.subarray(100_000))
  raw.write(close(1009))
  raw.end()
  await ended
  await raw.closed
  t.equal(socket.bytesRead > 1_000_000, true, 'the server has read the rest')
})

t.test('a WebSocket handler of the application that throws closes its connection with 1011', async (t) => {
  const { raw } = await connect(t, {}, '/throws')
  t.match(await raw.until(readClose), { code: 1011 })
  await raw.destroy()
})

/** One message in 300 compressed fragments, as chunks that arrive together. */
function compressedFragments (): Buffer[] {
  const data = deflateRawSync(Buffer.alloc(2_000, 'ab'), { finishFlush: constants.Z_SYNC_FLUSH, level: 0 })
  return Array.from({ length: 300 }, (_, i) => frame(data.subarray(i, i + 1), {
    fin: false, opcode: i === 0 ? opcodes.text : opcodes.continuation, rsv: i === 0 ? 4 : 0
  }))
}

const notUtf8 = frame(Buffer.from([0xff]), { opcode: opcodes.text })

const rows: ReadonlyArray<readonly [name: string, options: ServerOptions, chunks: readonly Buffer[], code: number]> = [
  [
    'more than 256 compressed fragments',
    { perMessageDeflate: true },
    compressedFragments(),
    1008
  ],
  [
    'a wrong close code behind a compressed fragment',
    { perMessageDeflate: true },
    [...compressedFragments().slice(0, 1), close(1005), frame('x'), frame('x')],
    1002
  ],
  [
    'a wrong close code while pings wait for the next turn',
    { allowSynchronousEvents: false },
    [frame('', { opcode: opcodes.ping }), close(1005), frame('x'), frame('x')],
    1002
  ],
  [
    'invalid UTF-8 while pings wait for the next turn',
    { allowSynchronousEvents: false },
    [frame('', { opcode: opcodes.ping }), notUtf8, notUtf8, notUtf8],
    1007
  ]
]

t.test('chunks that waited behind a broken frame do not end the process', async (t) => {
  for (const [name, options, chunks, code] of rows) {
    await t.test(name, async (t) => {
      const { raw, socket } = await connect(t, options)
      // As if they had arrived in one turn of the event loop.
      for (const chunk of chunks) socket.emit('data', chunk)
      t.match(await raw.until(readClose), { code })
      for (let i = 0; i < 10; i++) await turn()
      await raw.destroy()
    })
  }
})
