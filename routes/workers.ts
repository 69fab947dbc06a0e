import cluster, { type Address, type Worker } from 'node:cluster'

/** Starts the demo in several processes, which share a port. A worker that ends is replaced, so any may be killed. */
export async function startWorkers (count: number, env: Readonly<Record<string, string>>): Promise<Address> {
  let isEnding = false
  const end = (signal: NodeJS.Signals) => {
    isEnding = true
    for (const worker of Object.values(cluster.workers ?? {}) as Worker[]) worker.process.kill(signal)
  }
  cluster.on('exit', () => { if (!isEnding) cluster.fork(env) })
  process.on('SIGINT', end).on('SIGTERM', end)
  const workers = Array.from({ length: count }, () => cluster.fork(env))
  const addresses = await Promise.all(workers.map((worker) => {
    return new Promise<Address>((resolve) => { worker.once('listening', resolve) })
  }))
  return addresses[0] as Address
}
