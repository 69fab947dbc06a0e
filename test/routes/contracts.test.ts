import t from 'tap'
import { contractTests } from '../../lib/testing/contract-tests.ts'
import { buildApp } from '../../routes/app.ts'
import { chat } from '../../routes/chat/chat.contract.ts'
import { metrics } from '../../routes/dashboard/dashboard.contract.ts'
import { editor } from '../../routes/editor/editor.contract.ts'

const app = await buildApp({ channels: { presenceGrace: 0, drain: { timeout: 0 } } })
t.teardown(() => app.close())
await app.ready()

const token = (user: number) => app.jwt.sign({ sub: `user-${user}`, name: `User ${user}` })
/** A reply may take long on a busy machine. */
const some = { runs: 5, timeout: 60_000 }

t.test('demo: the chat keeps its contract', async (t) => {
  for (const { name, run } of contractTests(app, chat, { path: '/ws/chat', token, ...some })) {
    await t.resolves(run(), name)
  }
})

t.test('demo: the editor keeps its contract', async (t) => {
  for (const { name, run } of contractTests(app, editor, { path: '/ws/editor', token, ...some })) {
    await t.resolves(run(), name)
  }
})

t.test('demo: the dashboard keeps its contract', async (t) => {
  for (const { name, run } of contractTests(app, metrics, { path: '/ws/dashboard', ...some })) {
    await t.resolves(run(), name)
  }
})
