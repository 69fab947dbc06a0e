import type { FromClientDefinition } from '../../contract/define-channel.ts'
import { exampleOf } from '../../contract/examples/example.ts'
import { mutationsOf } from './mutations.ts'
import type { Outcome, Participant } from './participant.ts'
import { checkRandom, requireCode, withParticipants, type Rule } from './rule.ts'
import type { Subject } from './subject.ts'
import { BrokenContract } from './broken-contract.ts'

/** The codes of the protocol that a valid message may be answered with, in any state of the server. */
const possibleCodes = ['ack', 'behind', 'forbidden', 'history_full', 'unavailable']

const definitionOf = (subject: Subject, type: string) =>
  subject.contract.definition.fromClient[type] as FromClientDefinition

/** What a server promises of the payloads of one message. */
export function payloadRules (type: string): Rule[] {
  return [
    { title: 'payloads at the bounds of the schema get a valid reply', run: (subject) => atBounds(subject, type) },
    { title: 'random valid payloads get a valid reply', run: (subject) => atRandom(subject, type) },
    { title: 'invalid payloads are refused and have no effect', run: (subject) => mutated(subject, type) }
  ]
}

async function atBounds (subject: Subject, type: string): Promise<void> {
  const { payload } = definitionOf(subject, type)
  const bounds = [() => 0, () => 1 - 2 ** -53]
  const payloads = subject.options.payloads?.[type] ?? bounds.map((random) =>
    payload && exampleOf(payload, `message '${type}', payload`, { random, isFull: true }))
  await withParticipants(subject, async (join) => {
    const watcher = await join()
    const sender = await join()
    for (const payload of payloads) await acceptValid(sender, type, payload, subject)
    await sender.sync()
    await watcher.sync()
  })
}

async function atRandom (subject: Subject, type: string): Promise<void> {
  await withParticipants(subject, async (join) => {
    const watcher = await join()
    await checkRandom(subject, type, async (sender, payload) => {
      await acceptValid(sender, type, payload, subject)
      await sender.sync()
      await watcher.sync()
    })
  })
}

/** @throws {BrokenContract} when the server refuses a valid message, or fails */
async function acceptValid (sender: Participant, type: string, payload: unknown, subject: Subject): Promise<Outcome> {
  const outcome = await sender.request(type, payload)
  const { errors = {} } = definitionOf(subject, type)
  requireCode('a valid message without success', outcome, type, payload, ...possibleCodes, ...Object.keys(errors))
  return outcome
}

async function mutated (subject: Subject, type: string): Promise<void> {
  const { payload: schema } = definitionOf(subject, type)
  const invalid = (payload: unknown) => schema
    ? mutationsOf(subject.closed(schema), payload)
    : [{ what: 'a payload', value: 'undeclared' }]
  await withParticipants(subject, async (join) => {
    const watcher = await join()
    await checkRandom(subject, type, async (sender, mutation) => {
      if (mutation !== undefined) await refuseInvalid(sender, watcher, type, mutation as Mutation)
    }, (payload, choice) => {
      const mutations = invalid(payload)
      return mutations[choice % mutations.length]
    })
  })
}

type Mutation = ReturnType<typeof mutationsOf>[number]

/** A strict server closes the connection at the first protocol error. */
async function refuseInvalid (sender: Participant, watcher: Participant, type: string, { what, value }: Mutation) {
  const before = watcher.messages.length
  const outcome = await sender.request(type, value)
  requireCode(`an accepted invalid payload (${what})`, outcome, type, value, 'invalid_payload', 'closed 1008')
  await watcher.sync()
  const [received] = watcher.messages.slice(before)
  if (received === undefined) return
  throw new BrokenContract(`an effect of an invalid payload (${what})`, type, {
    sent: { type, payload: value }, received, expected: 'no message'
  })
}
