import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const canPin = spawnSync('taskset', ['-c', '0,1', 'true']).status === 0

/** Starts a script of this folder on a core of its own, where the machine lets us. */
export function start (script, core) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = fork(path, { ...canPin && { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath, ...process.execArgv] } })
  child.once('exit', (code) => { if (code) throw new Error(`${script} ended with ${code}`) })
  return child
}

/** A server: it says its port once it listens, and answers `cpu` with the CPU time it has used, in microseconds. */
export async function startServer (script) {
  const child = start(script, 0)
  const [port] = await once(child, 'message')
  return { child, port, cpu: () => ask(child, 'cpu') }
}

export async function ask (child, question) {
  child.send(question)
  const [answer] = await once(child, 'message')
  return answer
}
