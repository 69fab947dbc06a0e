import type { TSchema } from '@sinclair/typebox'
import fc from 'fast-check'
import { mutate, mutations, Raw, spellings, write } from './hostile-values.ts'
import { valuesOf } from './schema-arbitraries.ts'

const odd = [null, '', 7, {}, '\ud800', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(128), 'x'.repeat(129)] as const

const channelNames: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 12, arbitrary: fc.constant('f/a') },
  { weight: 2, arbitrary: fc.constantFrom('f/none', 'nope', 'f/', 'f/a/b', 'F/A', `f/${'x'.repeat(300)}`, undefined) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(...odd) }
)

/** `(id)` becomes a new id when the envelope is sent. */
const correlationIds: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 12, arbitrary: fc.constant('(id)') },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(...odd, undefined) }
)

const oddTypes = fc.constantFrom<unknown>(...odd, 'ping', 'join', 'ack', 'error', 'welcome', 'constructor', '__proto__')

/** Texts that are no envelope, whatever they are made of. */
const garbage = fc.oneof(
  fc.json(), fc.string(), fc.constantFrom('', ' ', '{', '[]', 'null', '1', '"x"', 'NaN', '{"type":"ping"}}', '\ufeff',
    "{'type':'ping'}", '{"type":"ping",}', '{"type":"ping"}\u0000', '[{"type":"ping"}]', '{"type":"\\ud83"}')
).filter((text) => text.isWellFormed())

/** Texts of messages to a contract: valid, nearly valid, and hostile ones. */
export function envelopesOf (declared: ReadonlyMap<string, TSchema>): fc.Arbitrary<string> {
  const messages = [...declared].map(([type, schema]) => fc.record({
    type: fc.oneof({ weight: 15, arbitrary: fc.constant<unknown>(type) }, { weight: 1, arbitrary: oddTypes }),
    payload: fc.oneof(
      { weight: 4, arbitrary: valuesOf(schema) },
      { weight: 4, arbitrary: fc.tuple(valuesOf(schema), mutations).map(([value, how]) => mutate(value, how)) },
      { weight: 1, arbitrary: mutations.map(({ by }) => by) },
      { weight: 1, arbitrary: fc.constantFrom<unknown>(null, undefined) }
    )
  }))
  const members = fc.constantFrom<object>({}, {}, {}, { extra: 1 }, { since: { epoch: '', offset: 0 } }, {
    offset: new Raw('1e999')
  })
  const envelope = fc.tuple(fc.oneof(...messages), channelNames, correlationIds, members, fc.boolean())
    .map(([{ type, payload }, channel, correlationId, extra, isReversed]) => {
      const entries = Object.entries({ type, channel, payload, correlationId, ...extra })
      return Object.fromEntries(isReversed ? entries.reverse() : entries)
    })
  return fc.oneof(
    { weight: 30, arbitrary: fc.tuple(envelope, spellings).map(([value, spelling]) => write(value, spelling)) },
    { weight: 1, arbitrary: garbage }
  )
}
