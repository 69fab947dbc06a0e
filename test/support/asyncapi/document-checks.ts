import fastify from 'fastify'
import type { AsyncApiDocument } from '../../../lib/asyncapi/index.ts'

export type Validate = (value: unknown) => boolean

/**
 * The checks of every message of a document, by `channel message`: by Ajv, as Fastify brings it, which knows nothing
 * of TypeBox.
 */
export async function documentChecks (document: AsyncApiDocument): Promise<Map<string, Validate>> {
  const customOptions = { strict: false, coerceTypes: false, removeAdditional: false, useDefaults: false } as const
  const app = fastify({ ajv: { customOptions } })
  const checks = new Map<string, Validate>()
  app.addSchema({ $id: 'document', ...document })
  app.get('/', async (request) => {
    for (const [channel, { messages }] of Object.entries(document.channels)) {
      for (const message of Object.keys(messages)) {
        const $ref = `document#/channels/${channel}/messages/${message}/payload`
        checks.set(`${channel} ${message}`, request.compileValidationSchema({ $ref }))
      }
    }
    return {}
  })
  const { statusCode, body } = await app.inject('/')
  await app.close()
  if (statusCode !== 200) throw new Error(`Ajv does not compile the payloads: ${body}`)
  return checks
}
