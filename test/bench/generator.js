import { setTimeout as wait } from 'node:timers/promises'
import { masked } from './frames.js'
import { Peer } from './peer.js'

/** A process that makes load, one measurement for each message from its parent. */
process.on('message', async (load) => {
  if (load === 'stop') process.send('stopped', () => process.exit())
  else process.send(await measure(load))
})
process.on('disconnect', () => process.exit())

async function measure ({ port, path, hello, requests, connections, warmUp, seconds }) {
  const peers = await Promise.all(Array.from({ length: connections }, () => Peer.open(port, path, masked(hello))))
  for (const peer of peers) peer.start(requests.map(masked))
  await wait(warmUp * 1000)
  process.send('measuring')
  const measured = await during(peers, seconds)
  process.send('measured')
  for (const peer of peers) peer.close()
  return measured
}

async function during (peers, seconds) {
  const before = sum(peers)
  const cpu = process.cpuUsage()
  const began = performance.now()
  await wait(seconds * 1000)
  const elapsed = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { replies: sum(peers) - before, elapsed, cpu: (user + system) / 1e6 }
}

const sum = (peers) => peers.reduce((total, { replies }) => total + replies, 0)
