import { Value } from '@sinclair/typebox/value'
import { exampleOf } from '../../contract/examples/example.ts'
import { addressOf, parsePattern, type Params } from '../../contract/pattern.ts'
import { maxChannelLength } from '../../protocol/envelope.ts'
import { UpgradeRefused } from '../test-client.ts'
import { Participant } from './participant.ts'
import { requireCode, withParticipants, type Rule } from './rule.ts'
import type { ForbiddenJoin, Subject } from './subject.ts'
import { BrokenContract } from './broken-contract.ts'

/** What a server promises about the connection and the channel. */
export function accessRules ({ options: { token, forbidden = [] }, channel, contract }: Subject): Rule[] {
  const rules: Rule[] = []
  if (token !== undefined) {
    rules.push({ title: 'a connection without a token is refused', run: (subject) => refuseToken(subject, undefined) })
    rules.push({ title: 'a connection with a wrong token is refused', run: (subject) => refuseToken(subject, 'wrong') })
  }
  if (typeof token === 'function') {
    rules.push({ title: 'a refresh with a token of another user is refused', run: refuseRefresh })
  }
  if (channel === undefined) return rules
  rules.push({ title: 'the ack of a join is valid', run: joinTwice })
  rules.push({ title: 'a connection that has not joined gets no message of the channel', run: keepOut })
  rules.push({ title: 'an undeclared message is refused', run: refuseUndeclared })
  rules.push({ title: 'after the ack of a leave no message of the channel follows', run: leave })
  if (contract.definition.params) rules.push({ title: 'an address with invalid params is refused', run: refuseParams })
  const refuse = (join: ForbiddenJoin) => (subject: Subject) => refuseJoin(subject, join)
  forbidden.forEach((join, i) => rules.push({ title: `the forbidden join ${i + 1} is refused`, run: refuse(join) }))
  return rules
}

async function refuseToken (subject: Subject, token: string | undefined): Promise<void> {
  const expected = 'the status 401 or 403'
  const participant = await Participant.connect(subject, token).catch((error: unknown) => {
    if (error instanceof UpgradeRefused && [401, 403].includes(error.status)) return undefined
    throw error
  })
  participant?.close()
  if (participant) throw new BrokenContract('a missing authorization', 'upgrade', { received: { token }, expected })
}

/** The second one shows the first in its presence list. */
async function joinTwice (subject: Subject): Promise<void> {
  await withParticipants(subject, async (join) => {
    const first = await join()
    await join()
    await first.sync()
  })
}

async function refuseJoin (subject: Subject, { token, params }: ForbiddenJoin): Promise<void> {
  const participant = await Participant.connect(subject, token ?? await subject.nextToken())
  try {
    const address = params ? addressOf(subject.contract.pattern, params) : subject.channel
    const outcome = await participant.requestOnce('join', undefined, undefined, address)
    requireCode('a missing authorization', outcome, 'join', undefined, 'forbidden')
  } finally {
    participant.close()
  }
}

/** A message of the channel before its join. */
export async function refuseWithoutJoin (subject: Subject, type: string): Promise<void> {
  const participant = await Participant.connect(subject, await subject.nextToken())
  try {
    const payload = subject.payload(type)
    requireCode('a message without a join', await participant.request(type, payload), type, payload, 'not_joined')
  } finally {
    participant.close()
  }
}

async function refuseUndeclared (subject: Subject): Promise<void> {
  await withParticipants(subject, async (join) => {
    const type = 'undeclared.message'
    requireCode('an undeclared message', await (await join()).request(type, {}), type, {}, 'unknown_type')
  })
}

/** Fewer than the protocol errors that close a connection. */
const maxAddresses = 5

async function refuseParams (subject: Subject): Promise<void> {
  const participant = await Participant.connect(subject, await subject.nextToken())
  try {
    for (const address of invalidAddresses(subject).slice(0, maxAddresses)) {
      const outcome = await participant.requestOnce('join', undefined, undefined, address)
      requireCode(`a join of '${address}'`, outcome, 'join', undefined, 'unknown_channel')
    }
  } finally {
    participant.close()
  }
}

/** What is tried in the place of each param. */
const paramTexts = ['A b', '%', '-'.repeat(200), '..']

/** Addresses that match the pattern and break the schema of the params. */
function invalidAddresses (subject: Subject): string[] {
  const { contract: { pattern, definition } } = subject
  const schema = definition.params as NonNullable<typeof definition.params>
  const valid = exampleOf(schema, 'params', subject) as Params
  const changed = parsePattern(pattern).names.flatMap((name) => paramTexts.map((text) => ({ ...valid, [name]: text })))
  return changed.filter((params) => !Value.Check(subject.closed(schema), params))
    .map((params) => addressOf(pattern, params)).filter((address) => address.length <= maxChannelLength)
}

async function refuseRefresh (subject: Subject): Promise<void> {
  await withParticipants(subject, async (join) => {
    const participant = await join()
    for (const token of ['wrong', await subject.nextToken()]) {
      const outcome = await participant.request('refresh', { token })
      if (outcome.code !== 'ack') continue
      throw new BrokenContract('an accepted token', 'refresh', { received: { token }, expected: 'invalid_token' })
    }
  })
}

/** Everything that the connection gets is checked, and a message of the channel is none of its own. */
async function keepOut (subject: Subject): Promise<void> {
  const outsider = await Participant.connect(subject, await subject.nextToken())
  try {
    await withParticipants(subject, async (join) => {
      const sender = await join()
      for (const type of subject.types) await sender.request(type, subject.payload(type))
      await outsider.sync()
    })
  } finally {
    outsider.close()
  }
}

async function leave (subject: Subject): Promise<void> {
  await withParticipants(subject, async (join) => {
    const leaver = await join()
    const sender = await join()
    requireCode('a refused leave', await leaver.request('leave'), 'leave', undefined, 'ack')
    for (const type of subject.types) await sender.request(type, subject.payload(type))
    await leaver.sync()
  })
}
