import { once } from 'node:events'

/**
 * One measurement: `generator` loads `server`; returns rates and CPU time, the server's counted over the same seconds.
 */
export async function measure (generator, server, load) {
  generator.send({ port: server.port, warmUp: 0.7, seconds: 2, ...load })
  await expected(generator, 'measuring')
  const before = await server.cpu()
  await expected(generator, 'measured')
  const used = await server.cpu() - before
  const [{ replies, elapsed, cpu }] = await once(generator, 'message')
  return {
    rate: replies / elapsed,
    microseconds: used / replies,
    serverBusy: used / 1e6 / elapsed,
    generatorBusy: cpu / elapsed
  }
}

/**
 * Measures every server once a round, in turn, so that what else the machine does hits all of them; medians of the
 * rounds.
 */
export async function compare (generator, servers, load, rounds) {
  const results = servers.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, server] of servers.entries()) results[i].push(await measure(generator, server, load))
  }
  const ratios = results.map((own) => median(own.map(({ rate }, round) => rate / results[0][round].rate)))
  return results.map((own, i) => ({ ...medians(own), ratio: ratios[i] }))
}

function medians (results) {
  return Object.fromEntries(Object.keys(results[0]).map((key) => [key, median(results.map((r) => r[key]))]))
}

export function median (values) {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2
}

async function expected (generator, what) {
  const [message] = await once(generator, 'message')
  if (message !== what) throw new Error(`the generator said ${JSON.stringify(message)} instead of '${what}'`)
}
