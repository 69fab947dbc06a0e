import { writeFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { brokenIn } from './checker/checker.ts'
import { allFaults, faultsNamed, localFaults } from './kinds/all.ts'
import type { Fault } from './kinds/fault.ts'
import { previousPackage } from './rig/previous-package.ts'
import { Rig } from './rig/rig.ts'
import { Teardowns } from './rig/teardowns.ts'
import type { System } from './rig/crowd.ts'
import { lateIn, notDurable, type Run } from './report.ts'

// `npm run test:faults -- --fault all --seeds 10`: every fault with each seed, on a rig of its own. One seed repeats
// the choices of one run. Ends with 1 when a promise was broken or a time exceeded. `--json`: a file for the results,
// `--log`: a folder for the records of runs that broke a promise; `--previous`: the tarball of the previous version.

const { values } = parseArgs({
  options: {
    fault: { type: 'string', default: 'all' },
    seeds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    log: { type: 'string' },
    previous: { type: 'string' },
    system: { type: 'string', default: 'fastify-channels' },
    clients: { type: 'string', default: '96' },
    rate: { type: 'string', default: '120' }
  }
})
const size = { clients: Number(values.clients), channels: 12, rate: Number(values.rate), processes: 2 }
const groups: Readonly<Record<string, readonly Fault[]>> = { all: [...allFaults, ...localFaults], local: localFaults }
const faults = groups[values.fault] ?? faultsNamed(values.fault.split(','))
const packages = new Teardowns()
const previous = faults.some(({ startsFrom }) => startsFrom) ? previousPackage(packages, values.previous) : undefined
const runs: Run[] = []
/** In milliseconds, of a timer that shows how busy the machine is. */
const resolution = 10
const print = (text: string) => process.stdout.write(`${text}\n`)

/** Ends the rig that runs now. */
let current = new Teardowns()
let isInterrupted = false
for (const reason of ['SIGINT', 'SIGTERM', 'uncaughtException']) {
  process.once(reason, (error: unknown) => {
    print(String(error))
    isInterrupted = true
    Promise.all([current.run(), packages.run()]).finally(() => process.exit(1))
  })
}

async function run (fault: Fault, seed: number): Promise<void> {
  const plugin = fault.startsFrom && await previous
  const teardowns = current = new Teardowns()
  const system = values.system as System
  const { topology, pattern } = fault
  const rig = await Rig.start(size, seed, { system, topology, pattern, plugin, teardowns })
  const delays = monitorEventLoopDelay({ resolution })
  delays.enable()
  try {
    const { log, verdict } = await rig.run(fault, seed)
    const done = { fault: fault.name, seed, lateMs: delays.percentile(99) / 1e6 - resolution, verdict }
    const broken = [...brokenIn(verdict), ...notDurable(fault, verdict), ...lateIn(fault, verdict)]
    runs.push(done)
    const { acked, announced, resyncs, failures, ack, recovery, presenceMs } = verdict
    print(`${fault.name} ${seed}: ${JSON.stringify({
      acked, announced, resyncs: resyncs.expected, failures, ack, recovery, presenceMs
    })}`)
    for (const text of broken) print(`  ${text}`)
    if (broken.length === 0) return
    process.exitCode = 1
    if (values.log === undefined) return
    await writeFile(`${values.log}/${fault.name}-${seed}.json`, JSON.stringify({ ...log, broken }))
    await writeFile(`${values.log}/${fault.name}-${seed}.txt`, rig.nodes.flatMap(({ log }) => [...log, '\n']).join(''))
  } finally {
    await rig.end()
    if (values.json !== undefined) await writeFile(values.json, JSON.stringify({ size, runs }))
  }
}

// By seed first, so that a run that is stopped has as many runs of each fault.
for (let i = 0; i < Number(values.seeds); i++) {
  for (const fault of faults) {
    if (isInterrupted) break
    await run(fault, Number(values.seed) + i).catch((error: Error) => {
      print(`${fault.name} ${Number(values.seed) + i}: not run: ${error.message}`)
      process.exitCode = 1
    })
  }
}
await packages.run()
if (!isInterrupted) process.exit()
