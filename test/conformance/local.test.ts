import t from 'tap'
import { adapterConformance } from '../../lib/testing/adapter-conformance.ts'
import { createAdapters, hubPaths, joined, startHub, timeScale } from '../support/conformance/local-adapters.ts'

t.test('local adapter: it passes the adapter conformance suite while another process is the hub', async (t) => {
  const newPath = hubPaths(t)
  adapterConformance(t, async (nodes) => {
    const path = newPath()
    const hub = await startHub(path)
    const adapters = createAdapters(path, nodes)
    // A node of another process says nothing at its end, so it makes no difference whether it crashes.
    const kill = (adapter: unknown) => adapters.find((other) => other === adapter)?.close()
    return { adapters, timeScale, kill, ready: () => joined(adapters), close: () => hub.close() }
  })
})

t.test('local adapter: it passes the adapter conformance suite while a node is the hub', async (t) => {
  const newPath = hubPaths(t)
  adapterConformance(t, (nodes) => {
    const adapters = createAdapters(newPath(), nodes)
    return { adapters, timeScale, ready: () => joined(adapters) }
  })
})
