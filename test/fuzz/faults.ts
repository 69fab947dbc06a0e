import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fits, patternOf, plantedFaults, type PlantedFault } from '../support/fuzz/planted-faults.ts'
import { root } from '../support/root.ts'

// `npm run fuzz:faults`: plants each fault into a copy of the compiled code and runs a fuzzer on the copy until it
// finds it. Fails if one is not found within two minutes. An argument selects faults by a part of their name.

const copy = join(root, 'dist/planted')

function plant (fault: PlantedFault): void {
  const path = join(copy, fault.file)
  const text = readFileSync(path, 'utf8')
  if (!fits(fault, text)) throw new Error(`${fault.file} does not have '${fault.find}' once: mend planted-faults`)
  writeFileSync(path, text.replace(patternOf(fault), () => fault.replace))
}

const [wanted = ''] = process.argv.slice(2)
for (const fault of plantedFaults.filter(({ name }) => name.includes(wanted))) {
  rmSync(copy, { recursive: true, force: true })
  for (const folder of ['lib', 'plugins', 'routes', 'test/fuzz', 'test/support']) {
    cpSync(join(root, 'dist', folder), join(copy, folder), { recursive: true })
  }
  plant(fault)
  const flags = ['--only', fault.fuzzer ?? 'memory', '--seed', '1', '--minutes', '2']
  const run = spawnSync(process.execPath, [join(copy, 'test/fuzz/run.js'), ...flags])
  const [, runs] = /^\w+: (\d+) runs/m.exec(String(run.stdout)) ?? []
  const [, found] = /--runs 1\): ([^\n]{0,90})/.exec(String(run.stderr)) ?? []
  if (found === undefined) process.exitCode = 1
  const by = fault.fuzzer ?? 'memory'
  process.stdout.write(`| ${fault.name} | ${by} | ${Number(runs) + 1} | ${found ?? `NOT FOUND ${run.stderr}`} |\n`)
}
rmSync(copy, { recursive: true, force: true })
