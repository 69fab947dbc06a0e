import { newEpoch } from '../epoch.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { sweepScript } from './sweep-script.ts'

/** Entries that one script call removes: more would block Redis for too long. */
const pageSize = 500

/** Removes the entries of a dead incarnation from a channel. Resolves to whether grace periods run there. */
export async function sweepEntries (deps: RedisDeps, channel: string, incarnation: string): Promise<boolean> {
  const { scripts, keys, random, timings } = deps
  const names = keys.ofPresence(channel, incarnation)
  let cursor = '0'
  for (;;) {
    const args = [incarnation, cursor, pageSize, newEpoch(random), timings.presenceTtlMs]
    const [next, remaining, nextGrace] = await scripts.run(sweepScript, names, args) as [string, string, string]
    if (remaining === '0') return nextGrace !== ''
    cursor = next
  }
}
