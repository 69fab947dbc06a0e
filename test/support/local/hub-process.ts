// One process on a local hub. It reports when it has become the hub, and what happens to it. Only what is needed is
// loaded, because many of them start in one test.

const [, , path = '', what] = process.argv
const nothing = () => {}
process.on('disconnect', () => process.exit())

async function runAdapter (): Promise<void> {
  const { systemClock } = await import('../../../lib/clock.ts')
  const { LocalAdapter } = await import('../../../lib/local/local-adapter.ts')
  const log = { info: nothing, warn: nothing, error: nothing, child: () => log }
  const adapter = new LocalAdapter({ path, clock: systemClock, log })
  const reports = {
    message: nothing, presenceChanged: nothing, entriesAppended: nothing, gap: nothing, revoked: nothing
  }
  await adapter.start({ ...reports, requested: (request) => request })
  process.on('message', async ([channel, user]: [string, string]) => {
    await adapter.presence.enter(channel, { connection: `${process.pid}`, user, data: {} })
    process.send?.('entered')
  })
  process.send?.(adapter.status.state)
}

async function runHub (): Promise<void> {
  const { findHub } = await import('../../../lib/local/hub/find-hub.ts')
  const { openHubDirectory } = await import('../../../lib/local/hub/hub-directory.ts')
  const directory = openHubDirectory(path)
  for (;;) {
    const found = await findHub(directory).catch(() => undefined)
    if (found && 'server' in found) {
      process.send?.(found.generation)
      return
    }
    await new Promise((resolve) => {
      if (found) found.socket.once('close', resolve).on('error', nothing).resume()
      else setTimeout(resolve, 10)
    })
  }
}

await (what === 'adapter' ? runAdapter() : runHub())
