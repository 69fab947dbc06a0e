import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chart } from './chart.js'

// `npm run bench:draw`: draws the charts and the tables of docs/benchmarks.md from test/bench/figures.json, which
// `npm run bench -- --json test/bench/figures.json` writes. With `--check` it changes nothing, and fails if there is
// something to draw.

const root = fileURLToPath(new URL('../../../', import.meta.url))
const page = `${root}docs/benchmarks.md`
const folder = `${root}docs/benchmarks`

/** What a chart shows of each figure: the heading of a column, and what its values are. */
const charts = {
  fanout: { of: 'per s', unit: 'deliveries/s' },
  bursts: { of: 'per s', unit: 'deliveries/s' },
  requestReply: { of: 'per s', unit: 'replies/s' },
  oneInFlight: { of: 'per s', unit: 'replies/s' },
  connections: { of: 'per s', unit: 'upgrades/s' },
  memory: { from: 'connections', of: 'KB RSS', unit: 'KB of an idle connection' },
  cluster: { of: 'msgs/s', unit: 'messages/s' }
}

/** The load average above which other programs take time of the two cores. */
const busy = 2.5

const wasRun = (row) => !String(row[1]).startsWith('not run')

function chartOf (figure, { of, unit }) {
  const at = (head) => figure.heads.indexOf(head) + 1
  const bars = figure.rows.filter(wasRun).map((row) => ({
    name: row[0],
    value: Number(row[at(of)]),
    ...(of === 'per s' && { min: row[at('min')], max: row[at('max')] }),
    isOurs: row[0].startsWith('fastify-channels')
  }))
  return chart(`${figure.title}: ${unit}`, bars)
}

const shown = (cell) => typeof cell === 'number' ? cell.toLocaleString('en') : cell

/** A figure without headings has groups of rows: the first row of each is its heading. */
function tablesOf ({ heads, rows }) {
  if (heads.length > 0) return tableOf({ heads, rows })
  const starts = rows.flatMap(([name], i) => name.startsWith('by ') ? [i] : [])
  const groups = starts.map((start, i) => rows.slice(start, starts[i + 1]))
  return groups.map(([[name, ...heads], ...rows]) => tableOf({ name, heads, rows })).join('\n\n')
}

function tableOf ({ name = '', heads, rows }) {
  const lines = rows.map((row) => wasRun(row) ? row.map(shown) : [row[0], row[1], ...heads.slice(1).map(() => '')])
  const all = [[name, ...heads], [name, ...heads].map(() => '---'), ...lines]
  return all.map((cells) => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |').replaceAll('|  |', '| |')).join('\n')
}

function sectionOf (name, figure) {
  const images = Object.entries(charts).filter(([key, { from = key }]) => from === name)
    .map(([key, { unit }]) => `![${unit}](benchmarks/${key}.svg)\n`)
  const isAlone = figure.priority === 'real-time'
  const conditions = `${figure.date}, ${figure.machine}, Node.js ${figure.node}, ` +
    `${isAlone ? 'at real-time priority' : `load average ${figure.loadAverage}`}, ` +
    `${figure.rounds === 1 ? 'one round' : `medians of ${figure.rounds} rounds`}.` +
    (!isAlone && figure.loadAverage > busy
      ? '\nOther programs had a part of both cores: no ratio of rates counts here, and that of CPU time is inflated.'
      : '')
  return [...images, tablesOf(figure), '', conditions].join('\n')
}

/** Each file to write, with its text. */
function draw (figures) {
  const files = new Map()
  for (const [key, spec] of Object.entries(charts)) {
    const figure = figures[spec.from ?? key]
    if (figure) files.set(`${folder}/${key}.svg`, chartOf(figure, spec))
  }
  const text = readFileSync(page, 'utf8').replaceAll(
    /<!-- figure (\w+) -->\n[^]*?<!-- end -->/g,
    (whole, name) => figures[name]
      ? `<!-- figure ${name} -->\n\n${sectionOf(name, figures[name])}\n\n<!-- end -->`
      : whole
  )
  return files.set(page, text)
}

const read = (file) => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

const files = draw(JSON.parse(readFileSync(`${root}test/bench/figures.json`, 'utf8')))
const changed = [...files].filter(([file, text]) => read(file) !== text)
if (process.argv.includes('--check')) {
  for (const [file] of changed) process.stdout.write(`${file} is not what the figures say\n`)
  process.exitCode = changed.length
} else {
  mkdirSync(folder, { recursive: true })
  for (const [file, text] of changed) writeFileSync(file, text)
}
