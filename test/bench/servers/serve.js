/** Says the port to the parent and answers its questions. */
export function serve (port) {
  process.on('message', (question) => {
    const { user, system } = process.cpuUsage()
    process.send(question === 'cpu' ? user + system : 'stopped', () => { if (question === 'stop') process.exit() })
  })
  process.on('disconnect', () => process.exit())
  process.send(port)
}
