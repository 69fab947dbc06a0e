import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const canPin = spawnSync('taskset', ['-c', '0,1', 'true']).status === 0

/**
 * The scripts of another built checkout, measured beside this one's: `BASELINE=../before npm run bench -- 7`.
 * Undefined without that variable.
 */
export function baseline (script) {
  const { BASELINE } = process.env
  return BASELINE && pathToFileURL(resolve(BASELINE, 'test/bench', script)).href
}

/** A command line that runs on that core, where the machine lets us. */
export function pinned (core, command) {
  return canPin ? ['taskset', '-c', String(core), ...command] : command
}

/** Starts a script of this folder on a core of its own. */
export function start (script, core, { args = [], env = {} } = {}) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const [execPath, ...execArgv] = pinned(core, [process.execPath, ...process.execArgv])
  const child = fork(path, args, { execPath, execArgv, env: { ...process.env, ...env } })
  child.once('exit', (code) => { if (code) throw new Error(`${script} ended with ${code}`) })
  return child
}

/** A server: it says its port once it listens, and answers `cpu` with the CPU time it has used, in microseconds. */
export async function startServer (script, { core = 0, ...options } = {}) {
  const child = start(script, core, options)
  const [port] = await once(child, 'message')
  return { child, port, cpu: () => ask(child, 'cpu') }
}

export async function ask (child, question) {
  child.send(question)
  const [answer] = await once(child, 'message')
  return answer
}
