import type { TSchema } from '@sinclair/typebox'
import fastify from 'fastify'
import { wireSchemas } from '../../lib/contract/wire/wire-schemas.ts'
import { controlWords } from '../../lib/protocol/control-messages.ts'
import type { Envelope } from '../../lib/protocol/envelope.ts'
import type { TestClient } from '../../lib/testing/test-client.ts'

export type Direction = keyof typeof wireSchemas

/** One message, with the name of its schema: `fromServer.joinAck`. */
export interface WireMessage {
  readonly schema: string
  readonly message: Envelope
}

const isControl = (type: string) => (controlWords as readonly string[]).includes(type)

/** Names the schemas of the messages of one connection. It knows the acks of `join` and `history` by their ids. */
export class WireNames {
  readonly #acks = new Map<string, string>()

  nameOf (direction: Direction, message: Envelope): string {
    const { type, correlationId } = message
    const isRequest = (type === 'join' || type === 'history') && typeof correlationId === 'string'
    if (isRequest) this.#acks.set(correlationId, `${type}Ack`)
    const ack = type === 'ack' ? this.#acks.get(correlationId as string) : undefined
    return `${direction}.${ack ?? (isControl(type) ? type : 'message')}`
  }
}

/** Records both directions of a test client, into `record`. What a test sends as text is left out. */
export function recordWire (client: TestClient, record: WireMessage[]): void {
  const names = new WireNames()
  const send = client.send.bind(client)
  client.send = (message) => {
    record.push({ schema: names.nameOf('fromClient', message), message })
    send(message)
  }
  client.welcome.then((payload) => record.push({ schema: 'fromServer.welcome', message: { type: 'welcome', payload } }))
  client.webSocket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Envelope
    if (message.type === 'welcome') return
    record.push({ schema: names.nameOf('fromServer', message), message })
  })
}

/** Every schema by its name, as JSON has it. */
export const namedSchemas: ReadonlyMap<string, TSchema> = new Map(Object.entries(wireSchemas).flatMap(
  ([direction, schemas]) => Object.entries(schemas).map(([name, schema]) =>
    [`${direction}.${name}`, JSON.parse(JSON.stringify(schema)) as TSchema] as const)))

export type Validate = (value: unknown) => boolean

/** The checks of Ajv in its strict mode, as Fastify brings it. They know nothing of TypeBox. */
export async function ajvChecks (): Promise<Map<string, Validate>> {
  const customOptions = { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: true } as const
  const app = fastify({ ajv: { customOptions } })
  const checks = new Map<string, Validate>()
  app.get('/', async (request) => {
    for (const [name, schema] of namedSchemas) checks.set(name, request.compileValidationSchema(schema))
    return {}
  })
  const { statusCode, body } = await app.inject('/')
  await app.close()
  if (statusCode !== 200) throw new Error(`Ajv does not compile the schemas: ${body}`)
  return checks
}
