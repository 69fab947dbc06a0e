import type { TSchema } from '@sinclair/typebox'
import { contractPath } from '../../contract/compile.ts'
import type { AnyChannel } from '../../contract/define-channel.ts'
import { parsePattern, type Pattern } from '../../contract/pattern.ts'
import { clientMessage, ephemeralMessage, persistentMessage } from '../../contract/wire/declared-message.ts'
import { addressSchema, channelAddress, parametersOf, exampleAddress } from '../address.ts'
import { addError, type RouteParts } from './connection-channel.ts'
import { addDeclared, type Envelopes } from './declared-messages.ts'
import { ChannelParts, type DocumentParts } from '../document-parts.ts'
import { addControl } from './control-messages.ts'
import { Messages, partOf } from './messages.ts'
import type { ComponentSchemas } from '../schema/component-schemas.ts'
import type { JsonSchema } from '../schema/json-schema.ts'

/** Describes one kind of channel. */
export function addContract (document: DocumentParts, contract: AnyChannel, about: RouteParts, url: string): void {
  const { pattern, definition: { namespace, shared } } = contract
  const { schemas } = document
  const parsed = parsePattern(pattern)
  const params = paramsOf(document, contract)
  const channel = new ChannelParts(document, `${about.name}.${pattern}`, about.security)
  const messages = new Messages(exampleAddress(parsed, params.examples))
  const ofChannel = addressSchema(parsed)
  const error = addError(document, channel, messages, ofChannel)
  const envelopes = envelopesOf(ofChannel)
  const entries = addDeclared(document, channel, messages, contract, { envelopes, error })
  const { presence, history } = addControl(document, channel, messages, { contract, ofChannel, entries, error })
  channel.finish({
    ...addressed(parsed, params.resolved, schemas),
    title: pattern,
    bindings: about.binding,
    'x-route': url,
    'x-pattern': pattern,
    ...(params.schema && { 'x-params': params.schema }),
    ...(namespace !== undefined && { 'x-namespace': namespace }),
    ...(shared && { 'x-shared': true }),
    ...(presence && { 'x-presence': presence }),
    ...(history && { 'x-history': history })
  })
}

function envelopesOf (channel: TSchema): Envelopes {
  return {
    channel,
    fromClient: (type, payload) => clientMessage({ type, payload, channel }),
    fromServer: (type, payload, isPersistent) =>
      (isPersistent ? persistentMessage : ephemeralMessage)({ type, payload, channel })
  }
}

/** The schema of the params in the form of the document; `resolved`: the one that it refers to. */
function paramsOf ({ schemas }: DocumentParts, { pattern, definition: { params } }: AnyChannel) {
  if (!params) return { schema: undefined, resolved: {}, examples: [] }
  const { member, examples } = partOf(schemas, params, `${pattern} params`, `${contractPath(pattern)}, params`)
  const schema = member as unknown as JsonSchema
  return { schema, resolved: schemas.resolve(schema), examples }
}

function addressed (pattern: Pattern, params: JsonSchema, schemas: ComponentSchemas) {
  const address = channelAddress(pattern)
  const isSaid = address !== null && pattern.names.length > 0
  return { address, ...(isSaid && { parameters: parametersOf(pattern.names, params, schemas) }) }
}
