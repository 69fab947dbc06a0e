import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './root.ts'

// Runs after all tests and prints the ten files that took the longest: each is a place to save time.

const results = join(root, '.tap/test-results')

/** Seconds that a test file took, by its own last line. */
function secondsOf (file: string): number {
  const times = [...readFileSync(file, 'utf8').matchAll(/^# time=([\d.]+)ms$/gm)]
  return times.reduce((_earlier, [, ms]) => Number(ms), 0) / 1_000
}

const files = readdirSync(results, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.test.js.tap'))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((file) => ({ test: relative(results, file).slice(0, -'.tap'.length), seconds: secondsOf(file) }))
  .filter(({ test }) => existsSync(join(root, test)))
  .sort((a, b) => b.seconds - a.seconds)

process.stdout.write('\n# The slowest test files, in seconds:\n')
for (const { test, seconds } of files.slice(0, 10)) {
  process.stdout.write(
  `#  ${seconds.toFixed(1).padStart(6)}  ${test}\n`
  )
}
