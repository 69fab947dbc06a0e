import { requestReply } from './request-reply.js'
import { ask, start } from './processes.js'

/** One file for each figure. `npm run bench -- 9` measures nine rounds instead of five. */
const figures = [requestReply]
const rounds = Number(process.argv[2] ?? 5)

const write = (line) => process.stdout.write(`${line}\n`)
const percent = (share) => `${Math.round(share * 100)} %`

function row ({ name, rate, ratio, microseconds, serverBusy, generatorBusy }) {
  return [name.padEnd(46), Math.round(rate), ratio?.toFixed(2) ?? '', microseconds.toFixed(1), percent(serverBusy), percent(generatorBusy)]
    .map((cell) => String(cell).padStart(10)).join('') + (serverBusy < 0.9 && ratio ? '  idle: something else held it back' : '')
}

const generator = start('./generator.js', 1)
for (const { title, run } of figures) {
  write(`\n${title}; medians of ${rounds} rounds\n`)
  write(' '.repeat(46) + ['msgs/s', 'ratio', 'CPU us', 'server', 'generator'].map((head) => head.padStart(10)).join(''))
  for await (const result of run(generator, rounds)) write(row(result))
}
await ask(generator, 'stop')
