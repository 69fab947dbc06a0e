import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FormatRegistry } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { asyncApiDocument } from '../../lib/asyncapi/index.ts'
import { pythonClientOf } from '../../lib/tools/python/python-client.ts'
import { chat } from '../../routes/chat/chat.contract.ts'
import { fullRoute } from '../support/asyncapi/full-contract.ts'
import { Balancer } from '../support/balancer.ts'
import { expectedOf, generate, sessionsFor } from '../support/clients/generated.ts'
import { programs, run } from '../support/clients/run-flow.ts'
import { SessionServer } from '../support/clients/session-server.ts'
import { DemoNode } from '../support/cluster/demo-node.ts'
import { readPage } from '../support/docs/page.ts'
import { sampleSessions } from '../support/docs/sessions.ts'
import { startRedis } from '../support/redis.ts'
import { ensureInstalled } from '../support/system-packages.ts'
import { until } from '../support/until.ts'

// `npm run test:clients`: the long form of the generated clients. It installs versions of websockets, and mypy.

t.setTimeout(600_000)

/** Each Python: that of Debian with its package websockets, and one with the newest. */
const pythons: ReadonlyArray<readonly [name: string, find: (t: Test) => string]> = [
  ["Debian's websockets", () => {
    const python = '/usr/bin/python3'
    ensureInstalled({ probe: [python, '-c', 'import websockets'], packages: ['python3-websockets'] })
    return python
  }],
  ['the newest websockets', (t) => {
    const folder = t.testdir()
    execFileSync('python3', ['-m', 'venv', folder])
    execFileSync(join(folder, 'bin/pip'), ['install', '--quiet', 'websockets'], { stdio: ['ignore', 'ignore', 2] })
    return join(folder, 'bin/python3')
  }]
]

/** The client of the demo's chat. */
const demoClient = (t: Test) =>
  generate(t, asyncApiDocument([{ url: '/ws/chat', contracts: [chat], carriers: ['header'] }]), 'demo_client')

const count = 60

/** How a node ends under its clients. */
const ends = [
  ['its node is killed', 'SIGKILL', {}],
  ['its node drains', 'SIGTERM', { DRAIN_TIMEOUT: '10000' }]
] as const

/** A client sends and receives on the first of two nodes, which ends meanwhile. */
async function surviveEnd (t: Test, python: string, signal: 'SIGKILL' | 'SIGTERM', env: object): Promise<void> {
  const redis = await startRedis(t)
  const nodes = await Promise.all([1, 2].map(() => DemoNode.start(t, redis.url, { ...env })))
  const [first, second] = nodes as [DemoNode, DemoNode]
  const balancer = await Balancer.start(t, nodes.map(({ http }) => Number(new URL(http).port)))
  const { token } = await second.identity('Ann')
  const bob = await second.connect(await second.identity('Bob'))
  await bob.request('join', 'chat/lobby')
  const told: Array<[what: string, value: unknown]> = []
  const program = { command: python, args: [join(programs, 'outage.py')], env: { PYTHONPATH: demoClient(t) } }
  const ended = run(t, program, {
    CHANNELS_URL: `${balancer.url.replace('http', 'ws')}/ws/chat`, TOKEN: token, COUNT: String(count)
  }, (line) => told.push(JSON.parse(line) as [string, unknown]))
  const sent = (number: number) => until(() => told.some(([what, value]) => what === 'sent' && value === number))
  const say = (text: string) => bob.request('message.send', 'chat/lobby', { text })
  await sent(20)
  const gone = first.signal(signal)
  for (let i = 1; i <= 20; i++) await say(`b-${i}`)
  await Promise.all([gone, sent(count)])
  await say('over')
  t.match(await ended, { code: 0, complaint: '' })
  const received = told.filter(([what]) => what === 'message').map(([, text]) => text)
  const seen: unknown[] = []
  while (seen.at(-1) !== 'over') {
    seen.push((await bob.next('message.posted') as { payload: { text: string } }).payload.text)
  }
  t.strictSame(received, seen, 'in the order of the history')
  t.equal(new Set(received).size, count + 21, 'all of them')
  t.equal(received.length, count + 21, 'each one once')
  t.strictSame(told.filter(([what]) => what === 'resync' || what === 'state'), [
    ['resync', 'fresh'], ['state', 'connecting'], ['state', 'open'], ['state', 'closed']
  ])
}

for (const [name, find] of pythons) {
  t.test(`clients: the generated Python client speaks the sample sessions, with ${name}`, async (t) => {
    const [python, sessions] = [find(t), sampleSessions()]
    await t.test('sessions', async (t) => {
      const server = await SessionServer.start(t, sessions)
      const program = { command: python, args: [join(programs, 'sessions.py')], env: { PYTHONPATH: generate(t) } }
      const { output, complaint } = await run(t, program, {
        CHANNELS_URL: server.url, SESSIONS: sessionsFor(sessions)
      })
      t.strictSame({ complaint, unexpected: server.unexpected }, { complaint: '', unexpected: [] })
      t.strictSame(output.trim().split('\n').map((line) => JSON.parse(line) as unknown), sessions.map(expectedOf))
    })

    for (const [what, signal, env] of ends) {
      await t.test(`${what}: every message arrives once and in order`, (t) => surviveEnd(t, python, signal, env))
    }
  })
}

/** A program with two mistakes, both of which mypy has to find: `--strict` complains of a comment without one. */
const usage = `import demo_client as demo
import full_client as full


async def use(client: demo.WsChatClient, forum: full.ForumTopicThread1Id) -> str:
    lobby = demo.ChatRoom(client, room="lobby")
    lobby.on(demo.MessagePosted, lambda message: print(message.text.upper(), message.at + 1))
    async for message in lobby.messages():
        if isinstance(message, demo.TypingChanged):
            print(message.user_id)
    users: dict[str, demo.ChatRoomPresence] = lobby.presence
    print(users)
    await lobby.send(full.PingUser())  # type: ignore[arg-type]
    demo.MessageSend(txt="hello")  # type: ignore[call-arg]
    try:
        await forum.send(full.Draw(payload=full.Circle(kind="circle", radius=1)))
    except full.PostAddMuted as error:
        print(error.details.until + 1)
    reply = await lobby.send(demo.MessageSend(text="hello"))
    return reply.id
`

t.test('clients: mypy finds nothing in generated Python clients, and finds mistakes of their users', async (t) => {
  ensureInstalled({ probe: ['mypy', '--version'], packages: ['mypy'] })
  for (const format of ['uuid', 'date-time', 'date']) FormatRegistry.Set(format, () => true)
  const folder = demoClient(t)
  writeFileSync(join(folder, 'full_client.py'), pythonClientOf(asyncApiDocument([fullRoute])))
  const [page = ''] = readPage('docs/clients/generated.md').blocks.filter(({ language }) => language === 'python')
    .map(({ code }) => code)
  writeFileSync(join(folder, 'usage.py'), usage)
  writeFileSync(join(folder, 'page.py'), page.replace('chat_client import', 'demo_client import')
    .replaceAll('Client', 'WsChatClient'))
  const args = ['--strict', '--cache-dir=/dev/null', 'usage.py', 'page.py', 'demo_client.py', 'full_client.py']
  t.match(execFileSync('mypy', args, { cwd: folder, encoding: 'utf8' }), 'Success: no issues found in 4 source files')
})
