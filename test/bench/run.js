import { cluster, logged } from './cluster.js'
import { hot, lag } from './editor.js'
import { recovery } from './recovery.js'
import { requestReply } from './request-reply.js'
import { ask, start } from './processes.js'

/** `npm run bench -- 9` measures nine rounds instead of five. */
const figures = [requestReply, cluster, logged, recovery, lag, hot]
const rounds = Number(process.argv[2] ?? 5)

const write = (line) => process.stdout.write(`${line}\n`)
const line = (cells) => cells.map((cell) => String(cell).padStart(10)).join('')

const generator = start('./generator.js', 1)
for (const { title, heads, run } of figures) {
  write(`\n${title}; medians of ${rounds} rounds\n`)
  write(' '.repeat(46) + line(heads))
  for await (const cells of run(generator, rounds)) write(line(cells))
}
await ask(generator, 'stop')
