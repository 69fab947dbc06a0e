import { goneFrom } from './deliveries.ts'
import { eventsOf, type RunLog } from './log.ts'

export interface PresenceVerdict {
  /** Clients whose presence list is wrong in the end. */
  readonly wrong: string[]
  /** Changes that cannot be: a user who joined and was there, or left and was not. */
  readonly contradictions: number
  /** Milliseconds after the end of the fault until the last list was right. */
  readonly rightAfterMs: number
}

/** Compares the presence list of each client that stayed with the clients that stayed. */
export function checkPresence (log: RunLog): PresenceVerdict {
  if (log.hasNoPresence) return { wrong: [], contradictions: 0, rightAfterMs: 0 }
  const gone = goneFrom(log)
  const changes = eventsOf(log, 'presence')
  const wrong: string[] = []
  let rightAt = log.ended
  for (const [channel, members] of Object.entries(log.members)) {
    const expected = members.filter((client) => !gone.has(client)).sort().join()
    for (const client of members.filter((member) => !gone.has(member))) {
      const own = changes.filter((change) => change.client === client && change.channel === channel)
      const isRight = own.map(({ users }) => [...users].sort().join() === expected)
      const lastWrong = isRight.lastIndexOf(false)
      if (own.length === 0 || lastWrong === own.length - 1) {
        wrong.push(`${client} in ${channel}: ${own.at(-1)?.users.toString() ?? 'no list'}; expected ${expected}`)
      } else if (lastWrong >= 0) rightAt = Math.max(rightAt, own[lastWrong + 1]?.at ?? 0)
    }
  }
  const contradictions = changes.reduce((sum, { wrong }) => sum + wrong, 0)
  return { wrong, contradictions, rightAfterMs: rightAt - log.ended }
}
