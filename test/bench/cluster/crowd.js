import { Watcher } from './watcher.js'

/**
 * Members whose messages are only counted. They are a process of their own, so that what it costs to read for all of
 * them does not delay the few whose latency is taken: the kernel lets a process that has slept go first.
 */
const watchers = []

const answers = {
  async open ({ port, count, entrance }) {
    const entered = await Promise.all(Array.from({ length: count }, () => Watcher.open(port, entrance)))
    for (const watcher of entered) watcher.watch()
    watchers.push(...entered)
  },
  count: () => watchers.reduce((sum, { frames }) => sum + frames, 0),
  close () { for (const watcher of watchers.splice(0)) watcher.close() }
}

process.on('message', async ({ question, ...rest }) => process.send({ answer: await answers[question](rest) }))
