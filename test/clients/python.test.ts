import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { chat } from '../../routes/chat/chat.contract.ts'
import { filesOfPage, findPython, programs, runFlow } from '../support/clients/run-flow.ts'
import { serveDemo } from '../support/demo.ts'
import { serveTalk } from '../support/clients/talk.ts'

const page = 'docs/clients/python.md'

t.test('clients: the Python client of docs/clients/python.md speaks the main flow of the protocol', async (t) => {
  const folder = await filesOfPage(t, page, 'python')
  const program = { command: findPython(), args: [join(programs, 'flow.py')], env: { PYTHONPATH: folder } }
  await runFlow(t, await serveTalk(t), program)
})

t.test('clients: the chat of docs/clients/python.md recovers the messages that it missed', async (t) => {
  const demo = await serveDemo(t)
  const room = demo.app.rooms.of(chat, { room: 'lobby' })
  const post = (text: string) => room.broadcast('message.posted', { id: text, from: 'b', name: 'Bob', text, at: 0 })
  const child = spawn(findPython(), [join(await filesOfPage(t, page, 'python'), 'chat.py'), demo.http, 'Ann'])
  t.teardown(() => child.kill())
  child.stderr.on('data', (text) => t.comment(String(text)))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => (await lines.next()).value as unknown

  t.equal(await next(), 'the history starts here')
  t.equal(await next(), 'Ann: hello from Ann')
  for (const socket of demo.app.websocketServer.clients) socket.terminate()
  await post('one')
  await post('two')
  t.equal(await next(), 'Bob: one')
  t.equal(await next(), 'Bob: two')
  await post('three')
  t.equal(await next(), 'Bob: three', 'each message is shown once, and the greeting was sent once')
})
