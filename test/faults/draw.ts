import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { root } from '../support/root.ts'
import { allFaults } from './kinds/all.ts'
import type { Run } from './report.ts'

// `npm run test:faults:draw -- --json results.json`: draws the table of docs/reliability.md from the results of
// `npm run test:faults -- --json results.json`. `--system` names the table of another system.

const { values } = parseArgs({
  options: { json: { type: 'string' }, system: { type: 'string', default: 'faults' } }
})
const page = `${root}docs/reliability.md`

const seconds = (ms: number) => ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
const worst = (numbers: readonly number[]) => seconds(Math.max(...numbers))

function rowOf (title: string, runs: readonly Run[]): string {
  const all = runs.map(({ verdict }) => verdict)
  const { length } = all
  const count = (of: (run: Run['verdict']) => number) => sum(all.map(of)).toLocaleString('en')
  const p50 = all.map(({ ack }) => ack.p50).toSorted((a, b) => a - b)[Math.floor(length / 2)] as number
  return `| ${[
    title, length, count(({ acked }) => acked), count(({ lost }) => lost.length),
    count(({ announced }) => announced), count(({ doubled }) => doubled.length),
    count(({ reordered }) => reordered.length),
    count(({ foreign, unsettled, givenUp }) => foreign.length + unsettled.length + givenUp.length),
    `${count(({ resyncs }) => resyncs.expected)} / ${count(({ resyncs }) => resyncs.unexpected.length)}`,
    `${seconds(p50)} / ${worst(all.map(({ ack }) => ack.p99))} / ${worst(all.map(({ ack }) => ack.max))}`,
    `${worst(all.map(({ recovery }) => recovery.p99))} / ${worst(all.map(({ recovery }) => recovery.max))}`,
    `${worst(all.map(({ presenceMs }) => presenceMs))}, ${count(({ presence }) => presence.length)} wrong`
  ].join(' | ')} |`
}

const { runs } = JSON.parse(await readFile(values.json as string, 'utf8')) as { runs: readonly Run[] }
const heads = [
  'fault', 'runs', 'acked', 'lost', 'lost by Redis, announced', 'doubled', 'reordered', 'foreign, unsettled, given up',
  'resyncs with / without cause', 'ack p50 / p99 / max', 'recovery p99 / max', 'presence right after'
]
const table = [
  `| ${heads.join(' | ')} |`,
  `|${heads.map(() => '---').join('|')}|`,
  ...allFaults.flatMap(({ name, title }) => {
    const own = runs.filter(({ fault }) => fault === name)
    return own.length === 0 ? [] : [rowOf(title, own)]
  })
].join('\n')

const [begin, end] = [`<!-- ${values.system}: drawn -->`, `<!-- ${values.system}: end -->`]
const text = await readFile(page, 'utf8')
const [before, rest = ''] = text.split(begin)
const [, after] = rest.split(end)
if (after === undefined) throw new Error(`${page} has no '${begin}' and '${end}': add them where the table goes`)
await writeFile(page, `${before}${begin}\n\n${table}\n\n${end}${after}`)
