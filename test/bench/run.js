import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { cluster, persistent } from './cluster.js'
import { connections } from './connections.js'
import { cost } from './cost.js'
import { durable } from './durable.js'
import { hot, lag } from './editor.js'
import { fairness } from './fairness.js'
import { bursts, fanout } from './fanout.js'
import { presence } from './presence.js'
import { recovery } from './recovery.js'
import { local } from './local.js'
import { oneInFlight, requestReply } from './request-reply.js'
import { slopes } from './slopes.js'

/**
 * `npm run bench` measures the table of docs/benchmarks.md, in five rounds; `npm run bench -- 9` in nine;
 * `npm run bench -- 7 requestReply cost` these figures only. `--json <file>` puts them into that file, beside the other
 * figures that it has, for `npm run bench:draw`.
 */
const table = { fanout, bursts, requestReply, oneInFlight, connections, cluster, persistent, recovery }
const all = { ...table, local, fairness, slopes, presence, lag, hot, cost, durable }

const { values: { json }, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } })
const [rounds = 5] = positionals.map(Number).filter(Boolean)
const wanted = positionals.filter((arg) => !Number(arg))
const unknown = wanted.find((name) => !(name in all))
if (unknown) throw new Error(`no figure '${unknown}': name some of ${Object.keys(all).join(', ')}`)

const write = (line) => process.stdout.write(`${line}\n`)
const line = (cells) => cells.map((cell) => String(cell).padStart(10)).join('')

/** What a reader must know of a figure. */
const conditions = () => ({
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} x ${cpus()[0].model}`,
  node: process.versions.node,
  loadAverage: Math.round(loadavg()[0] * 10) / 10,
  ...isRealTime() && { priority: 'real-time' },
  rounds
})

/** Whether other programs get only what the bench leaves: 1 and 2 are SCHED_FIFO and SCHED_RR (proc_pid_stat(5)). */
function isRealTime () {
  const stat = existsSync('/proc/self/stat') ? readFileSync('/proc/self/stat', 'utf8') : ''
  const policy = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38]
  return policy === '1' || policy === '2'
}

for (const name of wanted.length === 0 ? Object.keys(table) : wanted) {
  const { title, heads, run } = all[name]
  write(`\n${title}; medians of ${rounds} rounds\n`)
  write(' '.repeat(46) + line(heads))
  const figure = { title, ...conditions(), heads, rows: [] }
  for await (const cells of run(rounds)) {
    write(line(cells))
    figure.rows.push(cells.map((cell) => typeof cell === 'string' ? cell.trim() : cell))
  }
  if (json) keep(name, figure)
}

function keep (name, figure) {
  const figures = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : {}
  const text = JSON.stringify({ ...figures, [name]: figure }, null, 1)
  // A row is a line, so that a diff can be read.
  writeFileSync(json, `${text.replaceAll(/\[[^[\]]*\]/g, (row) => row.replaceAll(/\s*\n\s*/g, ' '))}\n`)
}
