import t from 'tap'
import { AdapterEventRelay, type AdapterEvents } from '../../../lib/cluster/events.ts'

const bytes = Buffer.from('{}')
const entry = { offset: 1, id: '1', hash: 'h', prev: '', encoded: bytes, whenSlow: undefined }

function report (relay: AdapterEvents): void {
  relay.message('x', bytes, 'drop')
  relay.presenceChanged('x', { epoch: 'e', sequence: 1 }, { left: ['ann'] })
  relay.entriesAppended('x', 'e', [{ entry, snapshot: '{}' }])
  relay.gap()
  relay.revoked('user ann', 1)
}

t.test('adapter events: the relay drops events and refuses requests before the adapter starts', async (t) => {
  const relay = new AdapterEventRelay()
  t.doesNotThrow(() => report(relay))
  t.throws(() => relay.requested('info'), { message: 'this node has not started yet' })
})

t.test('adapter events: the relay passes every event on, with its arguments', async (t) => {
  const relay = new AdapterEventRelay()
  const received: unknown[][] = []
  const record = (name: string) => (...args: unknown[]) => { received.push([name, ...args]) }
  relay.connect({
    message: record('message'),
    presenceChanged: record('presenceChanged'),
    entriesAppended: record('entriesAppended'),
    gap: record('gap'),
    revoked: record('revoked'),
    requested: (request) => ({ answerTo: request })
  })
  report(relay)
  t.strictSame(received, [
    ['message', 'x', bytes, 'drop'],
    ['presenceChanged', 'x', { epoch: 'e', sequence: 1 }, { left: ['ann'] }],
    ['entriesAppended', 'x', 'e', [{ entry, snapshot: '{}' }]],
    ['gap'],
    ['revoked', 'user ann', 1]
  ])
  t.strictSame(relay.requested('info'), { answerTo: 'info' }, 'the answer comes back')
})
