import cluster, { type Address, type Worker } from 'node:cluster'

/** The number of processes that `--workers` asks for. @throws {RangeError} unless it is a whole number from 1 to 64 */
export function workerCount (text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= 64) return count
  throw new RangeError(`cannot start '--workers ${text}': give a whole number from 1 to 64`)
}

/**
 * Starts the demo in several processes, which share a port. A worker that ends is replaced, so any may be killed. When
 * one ends before all of them listen, such as for a port in use, the demo ends with exit code 1.
 */
export async function startWorkers (count: number, env: Readonly<Record<string, string>>): Promise<Address> {
  let state: 'starting' | 'started' | 'ending' = 'starting'
  const end = (signal: NodeJS.Signals) => {
    state = 'ending'
    for (const worker of Object.values(cluster.workers as object) as Worker[]) worker.process.kill(signal)
  }
  cluster.on('exit', () => {
    if (state === 'started') cluster.fork(env)
    if (state !== 'starting') return
    process.exitCode = 1
    end('SIGTERM')
  })
  process.on('SIGINT', end).on('SIGTERM', end)
  const workers = Array.from({ length: count }, () => cluster.fork(env))
  const addresses = await Promise.all(workers.map((worker) => {
    return new Promise<Address>((resolve) => { worker.once('listening', resolve) })
  }))
  state = 'started'
  return addresses[0] as Address
}
