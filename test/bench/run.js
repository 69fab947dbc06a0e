import { cluster, persistent } from './cluster.js'
import { connections } from './connections.js'
import { cost } from './cost.js'
import { durable } from './durable.js'
import { hot, lag } from './editor.js'
import { presence } from './presence.js'
import { recovery } from './recovery.js'
import { requestReply } from './request-reply.js'
import { ask, start } from './processes.js'

/**
 * `npm run bench -- 9` measures nine rounds instead of five; `npm run bench -- 7 requestReply cluster` measures these
 * figures only.
 */
const all = { requestReply, cluster, persistent, recovery, connections, presence, lag, hot, cost, durable }
const [rounds = 5, ...wanted] = process.argv.slice(2).map((arg) => Number(arg) || arg)
const figures = Object.keys(all).filter((name) => wanted.length === 0 || wanted.includes(name)).map((name) => all[name])

const write = (line) => process.stdout.write(`${line}\n`)
const line = (cells) => cells.map((cell) => String(cell).padStart(10)).join('')

const generator = start('./generator.js', 1)
for (const { title, heads, run } of figures) {
  write(`\n${title}; medians of ${rounds} rounds\n`)
  write(' '.repeat(46) + line(heads))
  for await (const cells of run(generator, rounds)) write(line(cells))
}
await ask(generator, 'stop')
