import { createHash } from 'node:crypto'
import type { AsyncApiDocument } from '../asyncapi-document.ts'
import type { JsonSchema } from '../schema/json-schema.ts'
import { canonicalJson } from './canonical-json.ts'
import { canonicalSchema } from './canonical-schema.ts'
import { channelModels, paramsOf, presenceOf, type ChannelModel, type MessageModel } from './channel-models.ts'
import { sideOf } from './side.ts'

/**
 * Identifies a set of contracts by what travels and what binds: 80 bits in 16 characters. It does not depend on texts,
 * on the order of declarations, or on the copy of TypeBox.
 */
export function fingerprintOf (channels: Iterable<ChannelModel>): string {
  const contracts = [...channels].filter(isDeclared).map((model) => canonicalJson(canonicalChannel(model)))
  const hex = createHash('sha256').update(contracts.sort().join('\n')).digest('hex').slice(0, 20)
  return BigInt(`0x${hex}`).toString(32).padStart(16, '0')
}

/** The fingerprint of the contracts of each route, by its URL. */
export function routeFingerprints (document: AsyncApiDocument): ReadonlyMap<string, string> {
  const models = [...channelModels(document).values()]
  const routes = new Set(models.map(({ route }) => route))
  return new Map([...routes].map((url) => [url, fingerprintOf(models.filter(({ route }) => route === url))]))
}

/** A connection without a contract declares no messages. */
function isDeclared ({ shape, fromClient, fromServer }: ChannelModel): boolean {
  return shape !== '' || fromClient.size + fromServer.size > 0
}

function canonicalChannel (model: ChannelModel): JsonSchema {
  const { channel, root, shape, fromClient, fromServer } = model
  const presence = presenceOf(model)
  const { 'x-history': history, 'x-namespace': namespace } = channel
  const { snapshot } = Object(history) as JsonSchema
  return {
    shape,
    namespace,
    params: paramsOf(model).map(({ side }) => canonicalSchema(side)),
    fromClient: Object.fromEntries([...fromClient].map(([type, message]) => [type, canonicalRequest(message)])),
    fromServer: Object.fromEntries([...fromServer].map(([type, message]) => [type, canonicalMessage(message)])),
    // Members that learn only the number of users get no data.
    presence: presence && [presence.list, presence.list === 'all' && canonicalSchema(sideOf(root, presence.data))],
    history: history !== undefined && [snapshot !== undefined && canonicalSchema(sideOf(root, snapshot))]
  }
}

function canonicalRequest ({ payload, reply, errors, operation }: MessageModel): JsonSchema {
  return {
    payload: canonicalSchema(payload),
    reply: reply && canonicalSchema(reply),
    errors: Object.fromEntries([...errors].map(([code, side]) => [code, canonicalSchema(side)])),
    idempotent: operation['x-idempotent'],
    rateLimit: operation['x-rate-limit']
  }
}

function canonicalMessage ({ payload, operation }: MessageModel): JsonSchema {
  const { 'x-persistent': persistent, 'x-when-slow': whenSlow } = operation
  // A slow client misses nothing with the others.
  const loss = whenSlow === 'drop' || typeof whenSlow === 'object' ? whenSlow : undefined
  return { payload: canonicalSchema(payload), persistent, loss }
}
