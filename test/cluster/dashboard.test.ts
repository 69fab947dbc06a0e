import t from 'tap'
import type { TestClient } from '../../lib/testing/test-client.ts'
import type { Delta } from '../../routes/dashboard/board.ts'
import { launchBrowser } from '../support/browser/browser.ts'
import { DashboardWindow } from '../support/browser/dashboard-window.ts'
import { startRedis } from '../support/redis.ts'
import { DemoNode } from '../support/cluster/demo-node.ts'

const browser = await launchBrowser()
t.teardown(() => browser.close())

const idOf = async (node: DemoNode) => (await node.status()).node as string

async function watch (node: DemoNode): Promise<TestClient> {
  const client = await node.connect(await node.identity('watcher'), '/ws/dashboard')
  await client.request('join', 'metrics')
  return client
}

/** The next delta for which that holds. */
async function next (client: TestClient, holds: (delta: Delta) => boolean): Promise<Delta> {
  const delta = (await client.next('changed')).payload as Delta
  return holds(delta) ? delta : next(client, holds)
}

t.test('dashboard: another node takes over within 5 s when the appending node is killed', async (t) => {
  const redis = await startRedis(t)
  const nodes = [await DemoNode.start(t, redis.url), await DemoNode.start(t, redis.url)] as const
  const ids = [await idOf(nodes[0]), await idOf(nodes[1])] as const
  const windows = await Promise.all(nodes.map((node) => DashboardWindow.open(browser, node.http)))
  t.teardown(async () => { for (const window of windows) await window.close() })
  for (const window of windows) {
    for (const id of ids) await window.node(id).getByRole('row', { name: 'Redis' }).waitFor()
  }

  const clients = [await watch(nodes[0]), await watch(nodes[1])] as const
  const { by } = await next(clients[0], () => true)
  const [leader, survivor] = by === ids[0] ? [0, 1] as const : [1, 0] as const
  const window = windows[survivor] as DashboardWindow
  await window.node(ids[leader]).getByText('keeps the board').waitFor()
  await nodes[leader].signal('SIGKILL')
  const killed = Date.now()
  const takenOver = await next(clients[survivor], ({ by }) => by === ids[survivor])
  t.ok(Date.now() - killed < 5_000, `after ${Date.now() - killed} ms`)
  t.strictSame(takenOver.del, [], 'the dead one may only be late')
  await window.node(ids[survivor]).getByText('keeps the board').waitFor()

  const gone = await next(clients[survivor], ({ del }) => del.length > 0)
  t.ok(
    gone.del.length >= 14 && gone.del.every((key) => key.startsWith(`${ids[leader]}/`)), 'then all that it said goes'
  )
  await window.node(ids[leader]).waitFor({ state: 'detached' })
  await window.connection('Live')
  t.strictSame(window.faults, [])

  const offsets = clients[survivor].log.filter(({ type }) => type === 'changed').map(({ offset }) => offset as number)
  t.strictSame(offsets, offsets.map((_, i) => (offsets[0] as number) + i), 'one log, without a hole')
})
