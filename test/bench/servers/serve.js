/**
 * Says the port to the parent and answers its questions: `cpu`, in microseconds, `memory`, in bytes after a collection,
 * which takes `--expose-gc`, and `stop`.
 */
export function serve (port) {
  process.on('message', async (question) => {
    const answer = await answers[question]()
    process.send(answer, () => { if (question === 'stop') process.exit() })
  })
  process.on('disconnect', () => process.exit())
  process.send(port)
}

const answers = {
  stop: () => 'stopped',
  cpu () {
    const { user, system } = process.cpuUsage()
    return user + system
  },
  async memory () {
    for (let i = 0; i < 5; i++) {
      globalThis.gc()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const { rss, heapUsed, external } = process.memoryUsage()
    return { rss, heapUsed, external }
  }
}
