import t from 'tap'
import { LocalNodeRequests, type LocalNodeRequestsDeps } from '../../../lib/server/services/local-node-requests.ts'
import { FakeClock } from '../../../lib/testing/fake-clock.ts'

t.test('node requests: a connection whose session is gone already is not counted', async (t) => {
  const registry = { find: () => [{ id: 'c1' }] }
  const deps = { clock: new FakeClock(0), registry, sessions: new Map() } as unknown as LocalNodeRequestsDeps
  const requests = new LocalNodeRequests(deps)
  t.equal(requests.remove({ channel: 'chat/lobby', target: { userId: 'ann' }, code: 'removed' }), 0)
  t.equal(await requests.reauthorize({ userId: 'ann' }), 0)
})
