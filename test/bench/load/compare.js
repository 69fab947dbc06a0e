import { median } from '../measure.js'
import { startPeer } from '../peers/all.js'
import { saturated } from './load.js'

/** The columns of `compare` that all figures have. */
export const heads = ['per s', 'min', 'max', 'ratio', 'goal', 'met', 'CPU us', 'CPU ratio', 'server', 'generator']

/**
 * Measures every peer once a round, in turn, so that what else the machine does hits all of them. Yields a row for
 * each: medians, the ratio of the rates of one round, and the ratio of CPU time, which says more on a busy machine.
 *
 * @param peers each with the `goal` of its ratio, if it has one, and the peer `against` which that counts
 * @param reference the keys of the peers that all others are compared with: the first that runs here
 * @param isFresh whether each measurement takes a process of its own
 * @param measure takes a server and its peer; returns `{ rate, cpu, serverBusy, busy }` and what `more` shows
 */
export async function * compare ({ peers, reference, rounds, isFresh = false, measure, more = () => [] }) {
  const all = peers.map((peer) => ({ peer, results: [], server: undefined, reason: undefined }))
  for (let round = 0; round < rounds; round++) {
    for (const each of all) {
      if (each.reason !== undefined) continue
      try {
        each.server ??= await startPeer(each.peer)
        each.results.push(await measure(each.server, each.peer))
        if (!isFresh) continue
        await each.server.stop()
        each.server = undefined
      } catch (error) {
        each.reason = error.message
      }
    }
  }
  const resultsOf = (key) => all.find(({ peer, reason }) => peer.key === key && reason === undefined)?.results
  const base = reference.map(resultsOf).find((results) => results !== undefined)
  for (const { peer, results, reason } of all) {
    yield reason === undefined
      ? [...rowOf(peer, results, resultsOf(peer.against) ?? base), ...more(peer, results)]
      : [peer.name.padEnd(46), `   not run: ${reason}`]
  }
  for (const { server } of all) await server?.stop()
}

export const medianOf = (results, key) => median(results.map((result) => result[key]))

const percent = (share) => `${Math.round(share * 100)} %`

function rowOf ({ name, goal }, results, base) {
  const rates = results.map(({ rate }) => rate)
  const ratioOf = (compared) => base && median(results.map((result, round) => compared(result, base[round])))
  const ratio = ratioOf((own, other) => own.rate / other.rate)
  const cpuRatio = ratioOf((own, other) => other.cpu / own.cpu)
  const generator = medianOf(results, 'busy')
  return [
    name.padEnd(46), Math.round(medianOf(results, 'rate')), Math.round(Math.min(...rates)),
    Math.round(Math.max(...rates)), ratio?.toFixed(2) ?? '', ...goalCells('>=', goal, ratio),
    medianOf(results, 'cpu').toFixed(2), cpuRatio?.toFixed(2) ?? '', percent(medianOf(results, 'serverBusy')),
    `${percent(generator)}${generator > saturated ? ' (limit)' : ''}`
  ]
}

/** The goal, and whether the value reaches it. */
export function goalCells (comparison, goal, value) {
  if (goal === undefined || value === undefined) return ['', '']
  return [`${comparison} ${goal}`, (comparison === '>=' ? value >= goal : value <= goal) ? 'yes' : 'no']
}
