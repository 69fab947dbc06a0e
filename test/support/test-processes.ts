import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { root } from './root.ts'

// Writes `dist/test/processes/`: a file for each process of `run-processes.ts`, which imports its test files. A process
// costs 1 s of CPU time before its first test, because TypeBox alone has 400 modules. So the unit tests of a folder
// share a process. Other test files have their own: they start servers or a browser, measure memory, or take long.

const tests = join(root, 'dist/test')
const processes = join(tests, 'processes')

/** Long test files without servers of their own. */
const long = /^(conformance\/memory-properties|hostile\/|routes\/(recovery|editor\/convergence))/

/** What a test file imports that starts a process: a server, a browser, a client. */
const startsProcess = /support\/(browser|clients|cluster|hostile|local|proxies|redis)|node:child_process/

/** Tests of the built package's types and documentation. */
const compiled = /^(types|docs|package)\//

/** Tests that share a process, some of which start others: together they take as long as one of the longest files. */
const shared: ReadonlyArray<readonly [process: string, files: RegExp]> = [
  ['faults', /^faults\//],
  // They share one Chromium. The chat takes as long as all others together.
  ['browser', /^(browser\/(?!chat\.)|cluster\/dashboard)/],
  ['redis', /^lib\/redis\/(?!connections)/],
  ['plugins', /^plugins\//],
  ['clients', /^clients\//]
]

/** Folders in lib/ whose unit tests take a second or two. */
const quick = /(?<=^lib)\/(cluster|connection|history|limits|local|memory|protocol|rooms|testing)$/

/** Processes whose children are covered too: nothing else runs the code of the demo's start. */
const coversChildren = /^(routes-(start|build)|cluster-nginx)$/

const nameOf = (file: string) => file.slice(0, -'.test.js'.length).replaceAll(sep, '-')

function processOf (file: string): string {
  if (compiled.test(file)) return 'compiler'
  if (long.test(file)) return nameOf(file)
  if (file.startsWith('faults/') || startsProcess.test(readFileSync(join(tests, file), 'utf8'))) {
    return shared.find(([, files]) => files.test(file))?.[0] ?? nameOf(file)
  }
  return ['unit', ...dirname(file).replace(quick, '').split(sep).filter((part) => part !== '.')].join('-')
}

rmSync(processes, { recursive: true, force: true })
const files = readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.js'))
const imports: Record<string, string> = {}
for (const file of files.sort()) {
  const name = processOf(file)
  imports[name] = `${imports[name] ?? ''}import '${relative(processes, join(tests, file)).replaceAll(sep, '/')}'\n`
}
mkdirSync(processes)
for (const [name, text] of Object.entries(imports)) {
  const first = coversChildren.test(name) ? '' : "import '../support/plain-children.js'\n"
  writeFileSync(join(processes, `${name}.test.js`), first + text)
}
