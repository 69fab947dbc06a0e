import { ChangeSet } from '@codemirror/state'
import { TestClient } from '../../dist/lib/testing/test-client.js'
import { Replica } from '../../dist/routes/editor/replica.js'
import { startRedis } from './cluster.js'
import { median } from './measure.js'
import { ask, startServer } from './processes.js'

const length = 20_000
const versions = 1_000

/**
 * What the server does for one edit that was made so many versions ago: checked, brought forward over each. The cost
 * must grow no faster than the versions.
 */
export const lag = {
  title: `one edit of a document of ${length} characters, brought forward over what it missed`,
  heads: ['us', 'us/version'],

  async * run (rounds) {
    const replica = written()
    for (const behind of [1, 10, 100, 1_000]) {
      const us = median(Array.from({ length: rounds }, () => cost(replica, behind)))
      yield [`${behind} versions behind`.padEnd(46), us.toFixed(1), (us / behind).toFixed(2)]
    }
  }
}

function written () {
  const replica = new Replica()
  const changes = [[0, 'x'.repeat(length)], ...Array.from({ length: versions }, (_, i) => typed(length + i, i))]
  const entries = changes.map((change, i) => {
    const json = i === 0 ? [change] : change
    return {
      type: 'edited',
      payload: { clientId: 'a.b', seq: i + 1, changes: json },
      offset: i + 1,
      id: `${i}`,
      hash: `${i + 1}`,
      prev: i === 0 ? '' : `${i}`
    }
  })
  replica.take({
    reason: 'fresh', position: { epoch: 'e', offset: entries.length, hash: `${entries.length}` }, messages: entries
  })
  return replica
}

/** One letter somewhere in a document of that length. */
function typed (length, i) {
  const at = (i * 7_919) % length
  return ChangeSet.of({ from: at, insert: 'y' }, length).toJSON()
}

function cost (replica, behind) {
  const version = replica.state.version - behind
  const edit = { clientId: 'c.d', seq: 1, version, changes: typed(length + version - 1, 3) }
  const times = Math.max(5, Math.round(5_000 / behind))
  const began = performance.now()
  for (let i = 0; i < times; i++) replica.bring(replica.place(edit))
  return (performance.now() - began) * 1_000 / times
}

const writers = 8

/** Everybody types into one document, an edit in flight each; acked edits a second. */
export const hot = {
  title: `one hot document, ${writers} writers with one edit in flight each`,
  heads: ['edits/s', 'CPU us', 'server'],

  async * run (rounds) {
    const redis = await startRedis()
    for (const nodes of [1, 2]) {
      const servers = await Promise.all(
        Array.from(
          { length: nodes }, (_, i) => startServer('./servers/editor.js', { core: i, env: { REDIS_URL: redis.url } })
        )
      )
      // Its code is compiled while it runs: a server that has just started takes twice as long.
      await write(servers, `warm-${nodes}`)
      const results = []
      for (let round = 0; round < rounds; round++) results.push(await write(servers, `hot-${nodes}-${round}`))
      const of = (key) => median(results.map((result) => result[key]))
      yield [
        `fastify-channels, writers on ${nodes} node${nodes > 1 ? 's' : ''}`.padEnd(46),
        Math.round(of('rate')),
        of('microseconds').toFixed(0),
        `${Math.round(of('busy') * 100)} %`
      ]
      for (const { child } of servers) await ask(child, 'stop')
    }
    redis.child.kill()
  }
}

async function write (servers, id) {
  const channel = `doc/${id}`
  const clients = await Promise.all(
    Array.from({ length: writers }, (_, i) => enter(servers[i % servers.length], channel))
  )
  const cpu = async () => (await Promise.all(servers.map((server) => server.cpu()))).reduce((a, b) => a + b)
  const before = await cpu()
  const began = performance.now()
  const until = began + 2_000
  const counts = await Promise.all(clients.map((client, i) => type(client, channel, `w${i}`, until)))
  const ms = performance.now() - began
  const used = await cpu() - before
  for (const client of clients) client.terminate()
  const edits = counts.reduce((a, b) => a + b)
  return { rate: edits / ms * 1_000, microseconds: used / edits, busy: used / 1_000 / ms }
}

async function enter ({ port }, channel) {
  const answer = await fetch(
    `http://127.0.0.1:${port}/token`,
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"writer"}' }
  )
  const { token } = await answer.json()
  const client = await TestClient.connect(`ws://127.0.0.1:${port}/ws/editor?token=${token}`)
  await client.request('join', channel)
  return client
}

/**
 * Types at the beginning, always at the version it has got by then; again where a node does not know that one. Returns
 * how many edits are in.
 */
async function type (client, channel, clientId, until) {
  let edits = 0
  while (performance.now() < until) {
    const { version, length } = known(client)
    const changes = length === 0 ? [[0, 'x']] : [[0, 'x'], length]
    const { type, payload } = await client.request('edit', channel, { version, clientId, seq: edits + 1, changes })
    if (type === 'ack') edits++
    else if (payload.code !== 'stale') throw new Error(JSON.stringify(payload))
  }
  return edits
}

/** Every edit adds one letter: a document is as long as its version. */
function known ({ log }) {
  const version = log.findLast(({ type }) => type === 'edited')?.offset ?? 0
  return { version, length: version }
}
