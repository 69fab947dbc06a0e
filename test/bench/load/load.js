import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { pinned } from '../processes.js'

const source = fileURLToPath(new URL('load.cc', import.meta.url))
const program = fileURLToPath(new URL('../../../dist/bench/load', import.meta.url))

/** Above this share of its core, the generator and not the server may be what a figure shows. */
export const saturated = 0.9

function compile () {
  if (existsSync(program) && statSync(program).mtimeMs >= statSync(source).mtimeMs) return
  mkdirSync(fileURLToPath(new URL('.', `file://${program}`)), { recursive: true })
  try {
    execFileSync('g++', ['-std=c++17', '-O2', '-o', program, source], { stdio: ['ignore', 'ignore', 'inherit'] })
  } catch (error) {
    throw new Error('the generator is C++ and needs g++ to compile it', { cause: error })
  }
}

/**
 * Opens connections to `port`, in a process of its own on the other core. `target`: the wire of a peer. Resolves once
 * all are ready, with how long that took and how busy the generator was.
 */
export async function openLoad (mode, port, { hello = [], ...target }, options) {
  compile()
  const all = { mode, port, ...target, ...options }
  const greeting = hello.flatMap(([text, answer]) => [`hello=${text}`, `answer=${answer}`])
  const args = [...Object.entries(all).map(([key, value]) => `${key}=${value}`), ...greeting]
  const [command, ...rest] = pinned(1, [program, ...args])
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
  const errors = []
  child.stderr.on('data', (text) => errors.push(text))
  child.stdin.on('error', () => {})
  const ended = once(child, 'exit')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(errors.join('').trim() || 'the generator ended')
    return value
  }
  const opened = JSON.parse(await next())

  return {
    ...opened,

    /** Loads the server, whose CPU time is counted over the same seconds. */
    async measure (cpu) {
      child.stdin.write('begin\n')
      await next()
      const before = await cpu()
      const began = performance.now()
      const result = JSON.parse(await next())
      const used = await cpu() - before
      const counted = (performance.now() - began) / 1_000
      await ended
      return {
        ...result,
        rate: result.frames / result.seconds,
        serverBusy: used / 1e6 / counted,
        cpu: used / counted * result.seconds / result.frames
      }
    },

    async close () {
      child.stdin.end('end\n')
      await ended
    }
  }
}
