import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './root.ts'

// Runs the files of `dist/test/processes/`, three at a time, and prints their TAP. Arguments choose files by the start
// of their names. With `--coverage` all code of the library, the plugin and the demo must run. With `--terse` only
// failures are printed in full. The runner of tap passes each module to a hook: up to 2 s of CPU time for a process.

const jobs = 3
const timeoutSeconds = 600
const coverage = join(root, '.tap/coverage')

/** Processes that run nothing which others do not run: with coverage they would need a tenth more CPU time. */
const withoutCoverage = new RegExp(`^(${[
  'browser', 'clients', 'cluster-(?!nginx)', 'compiler', 'conformance-.*properties', 'cost', 'faults', 'fuzz',
  'hostile-(?!broken-frames)', 'proxies', 'rfc6455'
].join('|')})`)

/** Processes that take the longest start first, so that none of them runs alone at the end. */
const longestFirst = [
  'browser', 'compiler', 'browser-chat', 'redis', 'conformance-redis', 'unit-plugins', 'unit-routes',
  'hostile-floods', 'plugins', 'hostile-leaks', 'faults', 'cluster-recovery', 'unit', 'unit-lib-contract'
]

interface Result {
  readonly name: string
  readonly ok: boolean
  readonly seconds: number
  readonly output: string
  readonly counts: Readonly<Record<string, number>>
}

const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
const prefixes = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const isTerse = flags.includes('--terse')
const isCovered = flags.includes('--coverage')

const running = new Set<ChildProcess>()
process.once('SIGTERM', () => {
  for (const child of running) child.kill()
  process.exit(1)
})

/** Runs one process to its end. */
async function run (name: string): Promise<Result> {
  const start = performance.now()
  const cover = isCovered && !withoutCoverage.test(name)
  const child = spawn(process.execPath, ['--enable-source-maps', join(root, `dist/test/processes/${name}.test.js`)], {
    cwd: root,
    env: { ...process.env, TAP_TIMEOUT: String(timeoutSeconds), ...(cover && { NODE_V8_COVERAGE: coverage }) },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), (timeoutSeconds + 30) * 1_000)
  running.add(child)
  const parts: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => parts.push(part))
  const [code, signal] = await once(child, 'close')
  clearTimeout(timer)
  running.delete(child)
  const output = `${Buffer.concat(parts).toString().trimEnd()}\n${signal === null ? '' : `# ended by ${signal}\n`}`
  const counts = countsOf(output)
  const ok = code === 0 && (counts['total'] ?? 0) > 0 && counts['fail'] === undefined
  return { name, ok, seconds: (performance.now() - start) / 1_000, output, counts }
}

/** The assertions of a process by the last summary it printed: `# { total: 3, pass: 2, fail: 1 }`. */
function countsOf (output: string): Readonly<Record<string, number>> {
  const [, summary = ''] = [...output.matchAll(/^# \{ (total: .*) \}$/gm)].at(-1) ?? []
  return Object.fromEntries([...summary.matchAll(/(\w+): (\d+)/g)].map(([, kind, count]) => [kind, Number(count)]))
}

function print ({ name, ok, seconds, output, counts }: Result, number: number): void {
  const details = `# Subtest: ${name}\n${output.replace(/^(?=.)/gm, '    ')}`
  if (!ok || !isTerse) process.stdout.write(details)
  const sizes = `${counts['total'] ?? 0} assertions, ${seconds.toFixed(1)} s`
  process.stdout.write(`${ok ? 'ok' : 'not ok'} ${number} - ${name} # ${sizes}\n`)
}

async function runAll (names: readonly string[]): Promise<Result[]> {
  const waiting = [...names]
  const results: Result[] = []
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = await run(name)
      print(result, results.push(result))
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return results
}

function rank (name: string): number {
  const index = longestFirst.indexOf(name)
  return index < 0 ? longestFirst.length : index
}

/** @returns whether all code has run */
async function reportCoverage (): Promise<boolean> {
  const options = ['--100', '--skip-full', `--temp-directory=${coverage}`, '--include=dist/{lib,plugins,routes}/**']
  const c8 = spawn(process.execPath, [join(root, 'node_modules/c8/bin/c8.js'), 'report', ...options], {
    cwd: root, stdio: 'inherit'
  })
  const [code] = await once(c8, 'close')
  return code === 0
}

rmSync(coverage, { recursive: true, force: true })
const names = readdirSync(join(root, 'dist/test/processes'))
  .filter((file) => prefixes.length === 0 || prefixes.some((prefix) => file.startsWith(prefix)))
  .map((file) => file.slice(0, -'.test.js'.length))
  .sort((a, b) => rank(a) - rank(b))
process.stdout.write('TAP version 14\n')
const results = await runAll(names)
process.stdout.write(`1..${results.length}\n`)

const failed = results.filter(({ ok }) => !ok)
process.stdout.write('# The slowest processes, in seconds:\n')
for (const { name, seconds } of results.sort((a, b) => b.seconds - a.seconds).slice(0, 10)) {
  process.stdout.write(`#  ${seconds.toFixed(1).padStart(6)}  ${name}\n`)
}
const sums: Record<string, number> = {}
for (const { counts } of results) {
  for (const [kind, count] of Object.entries(counts)) sums[kind] = (sums[kind] ?? 0) + count
}
for (const { name } of failed) process.stdout.write(`# failed: ${name}\n`)
process.stdout.write(`# { ${Object.entries(sums).map(([kind, count]) => `${kind}: ${count}`).join(', ')} }\n`)
const isComplete = !isCovered || await reportCoverage()
process.exitCode = failed.length === 0 && isComplete ? 0 : 1
