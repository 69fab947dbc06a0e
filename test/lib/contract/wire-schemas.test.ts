import { Value } from '@sinclair/typebox/value'
import t from 'tap'
import { wireSchemas } from '../../../lib/contract/wire/wire-schemas.ts'
import { controlWords } from '../../../lib/protocol/control-messages.ts'
import type { Envelope } from '../../../lib/protocol/envelope.ts'
import { readPage } from '../../support/docs/page.ts'
import { ajvChecks, namedSchemas, WireNames, type Direction, type WireMessage } from '../../support/wire-schemas.ts'

const { blocks } = readPage('docs/protocol.md')
const clientTypes = ['join', 'leave', 'history', 'refresh', 'ping', 'message.send']
const isOfJoin = ({ payload }: Envelope) => /"(presence|recovered)":/.test(JSON.stringify(payload) ?? '')

/** The lines of a sample session, with the names of their schemas. */
function sessionMessages (code: string): WireMessage[] {
  const names = new WireNames()
  return code.trim().split('\n').map((line) => {
    const message = JSON.parse(line.slice(3)) as Envelope
    const direction: Direction = line.startsWith('C: ') ? 'fromClient' : 'fromServer'
    return { schema: names.nameOf(direction, message), message }
  })
}

function exampleMessage (code: string): WireMessage {
  const message = JSON.parse(code) as Envelope
  const isPage = 'hasMore' in Object(message.payload)
  if (message.type === 'ack' && isPage) return { schema: 'fromServer.historyAck', message }
  if (message.type === 'ack' && isOfJoin(message)) return { schema: 'fromServer.joinAck', message }
  const direction = clientTypes.includes(message.type) ? 'fromClient' : 'fromServer'
  return { schema: new WireNames().nameOf(direction, message), message }
}

const shown: readonly WireMessage[] = [
  ...blocks.filter(({ language }) => language === 'json').map(({ code }) => exampleMessage(code)),
  ...blocks.filter(({ language }) => language === 'session').flatMap(({ code }) => sessionMessages(code))
]
const checks = await ajvChecks()
const matches = ({ schema, message }: WireMessage) => checks.get(schema)?.(message) === true

t.test('wire schemas: every control message has one, and they are plain JSON Schema', async (t) => {
  const { fromClient, fromServer } = wireSchemas
  const names = Object.keys({ ...fromClient, ...fromServer }).filter((name) =>
    !['joinAck', 'historyAck', 'message'].includes(name))
  t.strictSame(names.sort(), [...controlWords].sort())
  t.equal(checks.size, namedSchemas.size, 'Ajv compiles them in its strict mode')
})

t.test('wire schemas: every JSON example of docs/protocol.md matches its schema', async (t) => {
  t.ok(shown.length > 45, 'there are examples')
  t.strictSame(shown.filter((example) => !matches(example)), [], 'for Ajv')
  const ofTypeBox = ({ schema, message }: WireMessage) => {
    const [direction, name] = schema.split('.') as [Direction, never]
    return Value.Check(wireSchemas[direction][name], message)
  }
  t.strictSame(shown.filter((example) => !ofTypeBox(example)), [], 'for TypeBox')
  t.strictSame([...namedSchemas.keys()].filter((name) => !shown.some(({ schema }) => schema === name)), [],
    'every schema has an example')
})

interface Mutant extends WireMessage {
  /** What was changed: `fromServer.left payload.code`, where `*` is any item of a list. */
  readonly where: string
}

const wrongValueFor = (value: unknown) => typeof value === 'object' ? 'text' : { wrong: true }

/** The message without one member, or with one member changed, for each member at any depth. */
function mutants (example: WireMessage, change: (object: Record<string, unknown>, name: string) => void): Mutant[] {
  const found: Mutant[] = []
  const visit = (value: unknown, path: readonly string[]) => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, item] of Object.entries(value)) {
      const inner = [...path, name]
      if (!Array.isArray(value)) found.push(mutant(example, inner, change))
      visit(item, inner)
    }
  }
  visit(example.message, [])
  return found
}

function mutant ({ schema, message }: WireMessage, path: readonly string[], change: Parameters<typeof mutants>[1]) {
  const copy = structuredClone(message)
  const parent = path.slice(0, -1).reduce<unknown>((object, name) => (object as Record<string, unknown>)[name], copy)
  change(parent as Record<string, unknown>, path.at(-1) as string)
  const where = path.map((name) => /^\d+$/.test(name) ? '*' : name).join('.')
  return { schema, message: copy, where: `${schema} ${where}` }
}

const accepted = (found: readonly Mutant[]) => [...new Set(found.filter(matches).map(({ where }) => where))].sort()

/** What the schemas of a contract say, and not these. */
const ofContract = [
  'fromClient.message payload', /^fromClient\.message payload\./, /^fromServer\.message payload\b/,
  /^fromServer\.ack payload\b/, /\.messages\.\*\.payload\b/, /\.(data|state|details)\b/
]
const isOfContract = (where: string) =>
  ofContract.some((form) => typeof form === 'string' ? form === where : form.test(where))

t.test('wire schemas: a member of the wrong type does not match', async (t) => {
  const found = shown.flatMap((example) => mutants(example, (object, name) => {
    object[name] = wrongValueFor(object[name])
  }))
  t.ok(found.length > 200, 'there are mutants')
  t.strictSame(accepted(found).filter((where) => !isOfContract(where)), [])
})

/** Every member of the examples that may be absent. */
const optional = [
  'fromClient.history correlationId',
  'fromClient.history payload',
  'fromClient.history payload.before',
  'fromClient.history payload.epoch',
  'fromClient.history payload.limit',
  'fromClient.join correlationId',
  'fromClient.join payload',
  'fromClient.join payload.again',
  'fromClient.join payload.replaces',
  'fromClient.join payload.since',
  'fromClient.leave correlationId',
  'fromClient.message channel',
  'fromClient.message correlationId',
  'fromClient.ping correlationId',
  'fromClient.refresh correlationId',
  'fromServer.ack channel',
  'fromServer.ack offset',
  'fromServer.error channel',
  'fromServer.error correlationId',
  'fromServer.error payload.appended',
  'fromServer.joinAck payload',
  'fromServer.joinAck payload.idempotent',
  'fromServer.joinAck payload.presence',
  'fromServer.joinAck payload.presenceMore',
  'fromServer.joinAck payload.snapshot',
  'fromServer.joined payload.idempotent',
  'fromServer.joined payload.presence',
  'fromServer.message channel',
  'fromServer.message id',
  'fromServer.presence payload.joined',
  'fromServer.presence payload.left',
  'fromServer.presence payload.more',
  'fromServer.presence payload.updated',
  'fromServer.resync payload.snapshot'
]

t.test('wire schemas: an example without a required member does not match', async (t) => {
  const found = shown.flatMap((example) => mutants(example, (object, name) => { delete object[name] }))
  t.strictSame(accepted(found).filter((where) => !isOfContract(where)), optional)
})
