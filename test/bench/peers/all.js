import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { baseline, pinned } from '../processes.js'
import { bunPath, installPeers } from './install.js'

const quote = '{"symbol":"ACME","bid":101.25,"ask":101.75,"size":1200,"venue":"XPAR"}'

/** How a client speaks with a server: paths, the greeting, one request, and what is in its reply. */
const plain = (channel = 'bench', hello = []) => ({
  fan: { path: '/fan' },
  idle: { path: '/idle' },
  echo: {
    path: '/echo',
    hello,
    request: `{"type":"echo","channel":"${channel}","payload":${quote},"correlationId":"c-########"}`,
    accept: '"type":"ack"'
  }
})
const joined = (channel) => [[`{"type":"join","channel":"${channel}","correlationId":"join"}`, '"type":"ack"']]
const ours = (channel = 'bench') => {
  const wire = plain(channel, joined(channel))
  return { ...wire, fan: { path: '/fan', hello: joined('room') }, join: { path: '/idle', hello: joined('room') } }
}

const socketIo = (path) => ({ path: `/socket.io/?EIO=4&transport=websocket&path=${path}`, hello: [['40', '40{']] })
const socketIoWire = {
  fan: socketIo('fan'),
  idle: socketIo('idle'),
  echo: { ...socketIo('echo'), request: `42########["echo",${quote}]`, accept: '43' }
}

const init = ['{"type":"connection_init"}', 'connection_ack']
const protocol = 'graphql-transport-ws'
const query = 'query($quote:Asked!){echo(quote:$quote){symbol bid ask size venue}}'
const graphqlWire = {
  fan: {
    protocol,
    path: '/fan',
    hello: [init, ['{"id":"1","type":"subscribe","payload":{"query":"subscription{said{count text}}"}}', '']],
    accept: '"type":"next"'
  },
  idle: { protocol, path: '/idle', hello: [init] },
  echo: {
    protocol,
    path: '/echo',
    hello: [init],
    request: `{"id":"########","type":"subscribe","payload":{"query":"${query}","variables":{"quote":${quote}}}}`,
    accept: '"type":"next"'
  }
}

const trpcWire = {
  fan: {
    path: '/fan',
    hello: [['{"id":1,"method":"subscription","params":{"path":"said"}}', '"started"']],
    accept: '"data"'
  },
  idle: { path: '/idle' },
  echo: {
    path: '/echo',
    request: `{"id":########,"method":"mutation","params":{"path":"echo","input":${quote}}}`,
    accept: '"data"'
  }
}

/** Each server is one file of this folder. */
const peers = {
  net: { name: 'raw net, frames by hand', file: './net.js', wire: plain() },
  ws: { name: 'ws', file: './ws.js', wire: plain() },
  fastifyWebsocket: { name: '@fastify/websocket by hand', file: './fastify-websocket.js', wire: plain() },
  socketIo: { name: 'Socket.IO', file: './socket-io.js', wire: socketIoWire },
  uws: { name: 'uWebSockets.js 20.30', file: './uws.js', wire: plain(), isInstalled: true },
  bun: { name: "Bun's own server", file: './bun.js', wire: plain(), isInstalled: true, runsInBun: true },
  crossws: { name: 'crossws on Node.js', file: './crossws.js', wire: plain(), isInstalled: true },
  graphqlWs: { name: 'graphql-ws', file: './graphql-ws.js', wire: graphqlWire, isInstalled: true },
  trpc: { name: 'tRPC over ws', file: './trpc.js', wire: trpcWire, isInstalled: true },
  baseline: { name: 'fastify-channels, baseline', file: baseline('./peers/channels.js'), wire: ours() },
  channels: { name: 'fastify-channels', file: './channels.js', wire: ours() },
  async: { name: 'fastify-channels, async handler', file: './channels.js', wire: ours('async') },
  limits: { name: 'fastify-channels, limits on', file: './channels.js', wire: ours(), args: ['limits'] }
}

/** The peers of these keys, in that order. The baseline is there if the command names one. */
export const peersOf = (...keys) => keys.map((key) => ({ key, ...peers[key] })).filter(({ file }) => file)

/** Starts the server on a core of its own. Rejects with the reason when it cannot run here. */
export async function startPeer ({ file, args = [], isInstalled = false, runsInBun = false }) {
  if (isInstalled) installPeers()
  if (runsInBun && !existsSync(bunPath)) throw new Error(`Bun has no package for ${process.platform}`)
  const [execPath, ...execArgv] = pinned(0, runsInBun ? [bunPath] : [process.execPath, '--expose-gc'])
  const env = { ...process.env, WS_NO_BUFFER_UTIL: '1', NODE_ENV: 'production' }
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = fork(path, args, { execPath, execArgv, env, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
  const errors = []
  child.stderr.on('data', (text) => errors.push(text))
  const ended = once(child, 'exit').then(([code]) => { throw new Error(reasonIn(errors) ?? `it ended with ${code}`) })
  ended.catch(() => {})
  const answer = async () => (await Promise.race([once(child, 'message'), ended]))[0]
  const ask = (question, argument) => {
    child.send([question, argument])
    return answer()
  }
  const stop = async () => {
    await ask('stop')
    await ended.catch(() => {})
  }
  return { port: await answer(), ask, stop, cpu: () => ask('cpu') }
}

const reasonIn = (errors) => /^\w*Error.*$/m.exec(errors.join(''))?.[0]
