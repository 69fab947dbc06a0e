import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { readPage } from '../docs/page.ts'
import { root } from '../root.ts'
import { steps } from './steps.ts'
import type { TalkServer } from './talk.ts'

export interface Program {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Where the client programs are. */
export const programs = join(root, 'test/clients/programs')

let rooms = 0

/** Runs one client program against the server, and expects every step of the flow. */
export async function runFlow (t: Test, server: TalkServer, program: Program): Promise<void> {
  const { output, complaint, code } = await run(t, program, {
    CHANNELS_URL: `${server.url}/ws`, CHANNELS_ROOM: `room-${++rooms}`, ...server.tokens
  })
  const printed = output.split('\n').filter((line) => line.startsWith('ok '))
  t.strictSame(printed, steps.map(([step]) => `ok ${step}`), complaint.slice(-2_000) || 'every step is passed')
  t.equal(code, 0, 'the program ends by itself')
}

/** Runs a program until it ends, or until the test does. `onLine`: gets each line that it prints, at once. */
export async function run (
  t: Test, { command, args, env = {} }: Program, variables: Readonly<Record<string, string>> = {},
  onLine: (line: string) => void = () => {}
): Promise<{ output: string, complaint: string, code: unknown }> {
  const child = spawn(command, args, {
    env: { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '', ...env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => child.kill())
  createInterface(child.stdout).on('line', onLine)
  let output = ''
  let complaint = ''
  child.stdout.on('data', (chunk) => { output += String(chunk) })
  child.stderr.on('data', (chunk) => { complaint += String(chunk) })
  const [code] = await once(child, 'close')
  return { output, complaint, code }
}

/** A folder with the files of a page: each block in that language names its file in its first line, `# name.py`. */
export async function filesOfPage (t: Test, path: string, language: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'page-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const { code } of readPage(path).blocks.filter((block) => block.language === language)) {
    const [, name = ''] = /^# (\S+)\n/.exec(code) ?? []
    await writeFile(join(folder, name), code)
  }
  return folder
}

/** The first Python that has the package `websockets`: that of the `PATH`, or that of the system. */
export function findPython (): string {
  const found = ['python3', '/usr/bin/python3'].find((python) => {
    try {
      execFileSync(python, ['-c', 'import websockets'], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })
  if (!found) throw new Error('no Python has the package websockets: apt-get install python3-websockets')
  return found
}
