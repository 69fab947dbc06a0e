import type { FromClientDefinition } from '../../contract/define-channel.ts'
import { arbitraryOf, loadFastCheck, type FastCheck } from './arbitraries.ts'
import { missingReply, Participant, type Outcome } from './participant.ts'
import type { Subject } from './subject.ts'
import { BrokenContract } from './broken-contract.ts'

/** One promise of a server. `run` rejects with a `BrokenContract` where the server breaks it. */
export interface Rule {
  readonly title: string
  readonly run: (subject: Subject) => Promise<void>
}

/** @throws {BrokenContract} unless the outcome has one of these codes */
export function requireCode (
  issue: string, { received, code }: Outcome, type: string, payload: unknown, ...codes: readonly string[]
): void {
  if (codes.includes(code)) return
  throw new BrokenContract(issue, type, { sent: { type, payload }, received, expected: codes.join(' or ') })
}

/** Runs with connections of the test, which are closed at its end. */
export async function withParticipants (
  subject: Subject, run: (join: (token?: string) => Promise<Participant>) => Promise<void>
): Promise<void> {
  const participants: Participant[] = []
  try {
    await run(async (token) => {
      const participant = await Participant.join(subject, token ?? await subject.nextToken())
      participants.push(participant)
      return participant
    })
    for (const participant of participants) participant.checkReceived()
  } finally {
    for (const participant of participants) participant.close()
  }
}

/** A server closes a connection after more protocol errors, 10 by default. */
const valuesPerConnection = 8

/**
 * Checks random values. `check` gets a connection of one user, a new one after some values and after each failure.
 * `map` makes what is sent of valid payloads.
 */
export async function checkRandom (
  subject: Subject, type: string, check: (sender: Participant, payload: unknown) => Promise<void>,
  map: (payload: unknown, choice: number) => unknown = (payload) => payload
): Promise<void> {
  const fc = await loadFastCheck()
  const token = await subject.nextToken()
  let sender: Participant | undefined
  let used = 0
  let isOver = false
  const property = fc.asyncProperty(payloads(fc, subject, type), fc.nat(), async (payload, choice) => {
    if (isOver) return
    if (used++ % valuesPerConnection === 0) sender = renewed(sender)
    sender ??= await Participant.join(subject, token)
    try {
      await check(sender, map(payload, choice))
    } catch (error) {
      sender = renewed(sender)
      // Each smaller value would take the whole time again.
      isOver = (error as BrokenContract).issue === missingReply
      throw error
    }
  })
  const { seed, runs: numRuns } = subject
  const result = await fc.check(property, { seed, numRuns })
  renewed(sender)
  if (result.failed) throw result.errorInstance
}

/** Closes a connection, so that the next value gets another one. */
function renewed (participant: Participant | undefined): undefined {
  participant?.close()
}

function payloads (fc: FastCheck, subject: Subject, type: string) {
  const given = subject.options.payloads?.[type]
  if (given) return fc.constantFrom(...given)
  const { payload } = subject.contract.definition.fromClient[type] as FromClientDefinition
  return payload ? arbitraryOf(fc, subject.closed(payload)) : fc.constant(undefined)
}
