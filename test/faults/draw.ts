import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { root } from '../support/root.ts'
import { allFaults, localFaults } from './kinds/all.ts'
import type { RigSize } from './rig/rig.ts'
import type { Run } from './report.ts'

// `npm run test:faults:draw -- --json results.json`: draws the table of docs/reliability.md from the results of
// `npm run test:faults -- --json results.json`, or of several files: `--json a.json,b.json`. `--system` names the table
// of another system.

const { values } = parseArgs({
  options: { json: { type: 'string' }, system: { type: 'string', default: 'faults' } }
})
const page = `${root}docs/reliability.md`

const seconds = (ms: number) => ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
const worst = (numbers: readonly number[]) => numbers.length === 0 ? '–' : seconds(Math.max(...numbers))

/** When timers of the rig itself are later, processes wait for a core, and times say nothing of the system. */
const latestMs = 20

const runsOf = (all: number, timed: number) => timed === all ? all : `${all} (${timed})`

function rowOf (title: string, runs: readonly Run[]): string {
  const all = runs.map(({ verdict }) => verdict)
  const count = (of: (run: Run['verdict']) => number) => sum(all.map(of)).toLocaleString('en')
  const timed = runs.filter(({ lateMs }) => lateMs <= latestMs).map(({ verdict }) => verdict)
  const middle = timed.map(({ ack }) => ack.p50).toSorted((a, b) => a - b)[Math.floor(timed.length / 2)] ?? []
  return `| ${[
    title, runsOf(all.length, timed.length), count(({ acked }) => acked), count(({ lost }) => lost.length),
    count(({ announced }) => announced), count(({ doubled }) => doubled.length),
    count(({ reordered }) => reordered.length),
    count(({ foreign, unsettled, givenUp }) => foreign.length + unsettled.length + givenUp.length),
    `${count(({ resyncs }) => resyncs.expected)} / ${count(({ resyncs }) => resyncs.unexpected.length)}`,
    [[middle].flat(), timed.map(({ ack }) => ack.p99), timed.map(({ ack }) => ack.max)].map(worst).join(' / '),
    `${worst(timed.map(({ recovery }) => recovery.p99))} / ${worst(timed.map(({ recovery }) => recovery.max))}`,
    values.system === 'faults'
      ? `${worst(timed.map(({ presenceMs }) => presenceMs))}, ${count(({ presence }) => presence.length)} wrong`
      : 'none'
  ].join(' | ')} |`
}

interface Results { readonly size: RigSize, readonly runs: readonly Run[] }

const files = (values.json as string).split(',')
const results = await Promise.all(files.map(async (file) => JSON.parse(await readFile(file, 'utf8')) as Results))
const { clients, rate } = (results[0] as Results).size
const runs = results.flatMap(({ runs }) => runs)
const late = runs.filter(({ lateMs }) => lateMs > latestMs).length
const timing = `timers of the rig were at most ${latestMs} ms late (p99)`
const conditions = [
  `${runs.length} runs with ${clients} clients and ${rate} messages a second.`,
  late === 0 ? `In all of them ${timing}.` : `Times are those of runs in which ${timing}: all but ${late}.`
].join('\n')
const heads = [
  'fault', late === 0 ? 'runs' : 'runs (with times)', 'acked', 'lost', 'lost by Redis, announced', 'doubled',
  'reordered', 'foreign, unsettled, given up',
  'resyncs with / without cause', 'ack p50 / p99 / max', 'recovery p99 / max', 'presence right after'
]
const table = [
  `| ${heads.join(' | ')} |`,
  `|${heads.map(() => '---').join('|')}|`,
  ...[...allFaults, ...localFaults].flatMap(({ name, title }) => {
    const own = runs.filter(({ fault }) => fault === name)
    return own.length === 0 ? [] : [rowOf(title, own)]
  })
].join('\n')

const [begin, end] = [`<!-- ${values.system}: drawn -->`, `<!-- ${values.system}: end -->`]
const text = await readFile(page, 'utf8')
const [before, rest = ''] = text.split(begin)
const [, after] = rest.split(end)
if (after === undefined) throw new Error(`${page} has no '${begin}' and '${end}': add them where the table goes`)
await writeFile(page, `${before}${begin}\n\n${conditions}\n\n${table}\n\n${end}${after}`)
