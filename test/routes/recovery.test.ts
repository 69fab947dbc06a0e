import type { AddressInfo } from 'node:net'
import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../lib/client/index.ts'
import { defineChannel } from '../../lib/contract/define-channel.ts'
import { implement } from '../../lib/server/implement.ts'
import { Network } from '../support/network.ts'
import { listen, makeApp } from '../support/serve.ts'

/** The client and a real server, connected through a network that fails. */

const diary = defineChannel({
  pattern: 'diary',
  fromClient: { write: { payload: Type.String(), reply: Type.String(), idempotent: true } },
  fromServer: { written: { payload: Type.String() } },
  history: { limit: 1000, ttl: 60_000 }
})

async function serveDiary (t: Test) {
  const { app, sink } = await makeApp(t)
  const handled: string[] = []
  const doors: Array<Promise<void>> = []
  /** The next handler does not end before the function that this returns is called. */
  const door = () => {
    let open = () => {}
    doors.push(new Promise((resolve) => { open = resolve }))
    return open
  }
  app.ws('/diary', {}, [implement(diary, {
    on: {
      write: async (ctx, text) => {
        handled.push(text)
        await ctx.broadcast('written', text)
        await doors.shift()
        return `${text} as ${ctx.messageId}`
      }
    }
  })])
  const served = await listen(app, sink)
  const network = await Network.open(t, (app.server.address() as AddressInfo).port)
  return { ...served, network, handled, door, room: app.rooms.of(diary) }
}

/** A client on that network, in the diary. */
async function openDiary (t: Test, port: number, token: string) {
  const client = connect<typeof diary>(
    `ws://127.0.0.1:${port}/diary`, { WebSocket, token: () => token, random: () => 0 }
  )
  t.teardown(() => client.close())
  const entries: Array<[number, string]> = []
  const resyncs: string[] = []
  const channel = await client.join('diary', {}, { onResync: ({ reason }) => { resyncs.push(reason) } })
  const watchers: Array<() => void> = []
  channel.on('written', (text, { offset }) => {
    entries.push([offset, text])
    for (const look of watchers) look()
  })
  const heard = (text: string) => new Promise<void>((resolve) => {
    const look = () => { if (entries.some(([, seen]) => seen === text)) resolve() }
    watchers.push(look)
    look()
  })
  const recovered = () => new Promise<void>((resolve) => channel.onRecovered(resolve))
  return { client, channel, entries, resyncs, heard, recovered }
}

t.test('recovery: a returning client gets every missed message once, in order', async (t) => {
  const { network, room, token } = await serveDiary(t)
  const { entries, resyncs, heard, recovered } = await openDiary(t, network.port, token('ann'))
  await room.broadcast('written', '1')
  await heard('1')
  for (let round = 0; round < 3; round++) {
    network.freeze()
    const missed = Array.from({ length: 20 }, (_, i) => `${round}-${i}`)
    for (const text of missed) await room.broadcast('written', text)
    const back = recovered()
    network.cut()
    await back
    await room.broadcast('written', `live ${round}`)
    await heard(`live ${round}`)
  }
  t.strictSame(entries.map(([offset]) => offset), Array.from({ length: 64 }, (_, i) => i + 1))
  t.strictSame(
    entries.slice(1, 22).map(([, text]) => text), [...Array.from({ length: 20 }, (_, i) => `0-${i}`), 'live 0']
  )
  t.strictSame(resyncs, ['fresh'])
})

t.test('recovery: an idempotent message whose ack was lost has one effect and the same reply', async (t) => {
  const { app, network, token, handled, door } = await serveDiary(t)
  const { channel, entries, heard } = await openDiary(t, network.port, token('ann'))
  const bystander = await openDiary(t, (app.server.address() as AddressInfo).port, token('bob'))
  const open = door()
  const sending = channel.send('write', 'dear diary')
  await bystander.heard('dear diary')
  network.freeze()
  open()
  // By the time that this came and went, the ack is on its way into a network that has stopped.
  await bystander.channel.send('write', 'hello')
  network.cut()
  t.match(await sending, /^dear diary as /)
  await bystander.channel.send('write', 'the end')
  await Promise.all([heard('the end'), bystander.heard('the end')])
  t.strictSame(entries, [[1, 'dear diary'], [2, 'hello'], [3, 'the end']])
  t.strictSame(bystander.entries, entries)
  t.strictSame(handled, ['dear diary', 'hello', 'the end'], 'it is not even handled again')
})

t.test('recovery: an idempotent message that is sent again while its handler runs has one effect', async (t) => {
  const { network, room, token, handled, door } = await serveDiary(t)
  const { channel, entries, heard, recovered } = await openDiary(t, network.port, token('ann'))
  const open = door()
  const sending = channel.send('write', 'dear diary')
  await heard('dear diary')
  const back = recovered()
  network.cut()
  await back
  open()
  t.match(await sending, /^dear diary as /)
  t.strictSame(new Set(handled), new Set(['dear diary']), 'a handler runs at least once')
  await room.broadcast('written', 'the end')
  await heard('the end')
  t.strictSame(entries, [[1, 'dear diary'], [2, 'the end']], 'its effect is there once')
})

t.test('recovery: messages sent while disconnected are sent once, in order', async (t) => {
  const { network, token, handled } = await serveDiary(t)
  const { client, channel, entries, heard } = await openDiary(t, network.port, token('ann'))
  const away = new Promise<void>((resolve) => { client.onState((state) => { if (state === 'connecting') resolve() }) })
  network.cut()
  await away
  const replies = await Promise.all(['1', '2', '3'].map((text) => channel.send('write', text)))
  await heard('3')
  t.strictSame(replies.map((reply) => reply[0]), ['1', '2', '3'])
  t.strictSame(entries, [[1, '1'], [2, '2'], [3, '3']])
  t.strictSame(handled, ['1', '2', '3'])
})
