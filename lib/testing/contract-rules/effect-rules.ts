import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { FromClientDefinition } from '../../contract/define-channel.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Outcome, Participant } from './participant.ts'
import { requireCode, withParticipants, type Rule } from './rule.ts'
import type { Subject } from './subject.ts'
import { BrokenContract } from './broken-contract.ts'

type Rate = NonNullable<FromClientDefinition['rateLimit']>

/** Above it, the connection's own limit of 200 messages a second would answer instead. */
const maxTestedRate = 90

/** What a server promises of the number of effects of one message. */
export function effectRules (type: string, { rateLimit, idempotent }: FromClientDefinition): Rule[] {
  const rules: Rule[] = []
  if (rateLimit && rateLimit.max <= maxTestedRate) {
    const title = `more than ${rateLimit.max} within ${rateLimit.timeWindow} ms get rate_limited`
    rules.push({ title, run: (subject) => exceedRate(subject, type, rateLimit) })
  }
  if (idempotent) {
    const title = 'a message that is sent again has one effect and the same reply'
    rules.push({ title, run: (subject) => sendAgain(subject, type) })
  }
  return rules
}

/** Sends twice as many as allowed at once. How long the server takes decides how many more it may handle. */
async function exceedRate (subject: Subject, type: string, { max, timeWindow }: Rate): Promise<void> {
  await withParticipants(subject, async (join) => {
    const sender = await join()
    const start = performance.now()
    const outcomes = await Promise.all(Array.from({ length: 2 * max + 1 }, () =>
      sender.requestOnce(type, subject.payload(type))))
    const refilled = Math.ceil((performance.now() - start) / timeWindow * max)
    const limited = outcomes.filter(({ code }) => code === 'rate_limited')
    const handled = outcomes.length - limited.length
    if (handled > max + refilled) {
      const expected = `${max} within ${timeWindow} ms, and not ${handled} of ${outcomes.length}`
      throw new BrokenContract('a rate limit that is not applied', type, { received: outcomes.at(-1), expected })
    }
  })
}

const attempts = 5

/** A message that got an ack. */
interface Handled {
  readonly id: string
  readonly payload: unknown
  readonly first: Outcome
}

async function sendAgain (subject: Subject, type: string): Promise<void> {
  await withParticipants(subject, async (join) => {
    const watcher = await join()
    const sender = await join()
    const { id, payload, first } = await handledMessage(subject, sender, type)
    const effects = await effectsOn(watcher)
    const repetitions = [sender, ...(sender.token === undefined ? [] : [await join(sender.token)])]
    for (const participant of repetitions) {
      requireSame(first, await participant.request(type, payload, id), type)
      const more = await effectsOn(watcher)
      if (more.length === effects.length) continue
      const expected = 'no further message, because the message was handled before'
      throw new BrokenContract('a second effect', type, { sent: { type, payload }, received: more.at(-1), expected })
    }
    await refuseOtherContent(subject, sender, type, { id, payload })
  })
}

/** A message with an ack, because one with an error is handled again. */
async function handledMessage (subject: Subject, sender: Participant, type: string): Promise<Handled> {
  for (let i = 0; i < attempts; i++) {
    const id = randomUUID()
    const payload = subject.payload(type)
    const outcome = await sender.request(type, payload, id)
    if (outcome.code === 'ack') return { id, payload, first: outcome }
  }
  const expected = "an ack: pass payloads that the handler takes as the option 'payloads'"
  throw new BrokenContract(`${attempts} valid messages without an ack`, type, { expected })
}

async function effectsOn (watcher: Participant): Promise<Envelope[]> {
  await watcher.sync()
  return watcher.messages
}

function requireSame (first: Outcome, { received }: Outcome, type: string): void {
  if (isDeepStrictEqual(received, first.received)) return
  const expected = JSON.stringify(first.received)
  throw new BrokenContract('another reply to the same message', type, { received, expected })
}

async function refuseOtherContent (
  subject: Subject, sender: Participant, type: string, { id, payload }: Omit<Handled, 'first'>
): Promise<void> {
  const others = Array.from({ length: attempts }, () => subject.payload(type))
  const other = others.find((candidate) => !isDeepStrictEqual(candidate, payload))
  if (other === undefined) return
  requireCode('another message under the same id', await sender.request(type, other, id), type, other, 'conflict')
}
