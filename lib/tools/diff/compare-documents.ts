import type { AsyncApiDocument } from '../../asyncapi/asyncapi-document.ts'
import { channelModels, paramsOf, presenceOf, type ChannelModel } from '../../asyncapi/model/channel-models.ts'
import { sideOf, valueAt } from '../../asyncapi/model/side.ts'
import { isObject, type JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import { breaksBoth, breaksNew, breaksOld, Changes, type Change } from './changes.ts'
import { compareMessages } from './compare-messages.ts'

/** Every difference between two documents that means something to a client. */
export function compareDocuments (old: AsyncApiDocument, now: AsyncApiDocument): readonly Change[] {
  const found: Change[] = []
  const [before, after] = [channelModels(old), channelModels(now)]
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(key), after.get(key)]
    const changes = new Changes('channel', (is ?? was as ChannelModel).name, found)
    if (changes.presence(was, is, 'the channel')) compareChannels(was as ChannelModel, is as ChannelModel, found)
  }
  return found
}

function compareChannels (old: ChannelModel, now: ChannelModel, found: Change[]): void {
  const changes = new Changes('channel', now.name, found)
  changes.value(old.channel['x-pattern'], now.channel['x-pattern'], 'the pattern')
  // Members of another namespace are others, with another history.
  changes.value(old.channel['x-namespace'], now.channel['x-namespace'], "'namespace'", breaksBoth)
  changes.value(old.channel['x-shared'], now.channel['x-shared'], "'shared'")
  compareParams(old, now, changes)
  comparePresence(old, now, changes)
  compareHistory(old, now, changes)
  compareUpgrade(old, now, changes)
  compareMessages(old, now, found)
}

function compareParams (old: ChannelModel, now: ChannelModel, changes: Changes): void {
  const before = paramsOf(old)
  for (const [i, { name, side }] of paramsOf(now).entries()) {
    changes.input((before[i] as typeof before[number]).side, side, `params/${name}`)
  }
}

function comparePresence (old: ChannelModel, now: ChannelModel, changes: Changes): void {
  const [before, after] = [presenceOf(old), presenceOf(now)]
  if (!changes.presence(before, after, "'presence'")) return
  const [was, is] = [before as JsonSchema, after as JsonSchema]
  changes.value(was.list, is.list, "'presence.list'", breaksBoth)
  // Members that learn only the number of users get no data.
  if (was.list !== 'all' || is.list !== 'all') return
  changes.output(sideOf(old.root, was.data), sideOf(now.root, is.data), 'presence')
}

function compareHistory (old: ChannelModel, now: ChannelModel, changes: Changes): void {
  const { 'x-history': before } = old.channel
  const { 'x-history': after } = now.channel
  if (!changes.presence(before, after, "'history'")) return
  const { snapshot: was, durable: wasDurable, ...oldBounds } = before as JsonSchema
  const { snapshot: is, durable, ...bounds } = after as JsonSchema
  for (const name of ['limit', 'ttl', 'initial']) changes.value(oldBounds[name], bounds[name], `'history.${name}'`)
  changes.value(wasDurable, durable, "'history.durable'")
  // The state is in the snapshot and in the messages after it. A client that ignores snapshots misses the earlier ones.
  const isCommon = changes.presence(was, is, "'history.snapshot'", { added: breaksOld, removed: breaksBoth })
  if (isCommon) changes.output(sideOf(old.root, was), sideOf(now.root, is), 'history.snapshot')
}

/** What the upgrade asks for: one of the security schemes, a query, headers. */
function compareUpgrade (old: ChannelModel, now: ChannelModel, changes: Changes): void {
  if (now.channel['x-pattern'] !== undefined) return
  const isOpen = (model: ChannelModel) => model.security.length === 0
  for (const scheme of new Set([...old.security, ...now.security])) {
    const name = `the security scheme '${scheme.split('/').at(-1)}'`
    const [was, is] = [old, now].map(({ security }) => security.includes(scheme) || undefined)
    changes.presence(was, is, name, {
      added: isOpen(old) ? breaksOld : breaksNew, removed: isOpen(now) ? breaksNew : breaksOld
    })
  }
  const [before, after] = [old, now].map((model) => upgradeOf(model))
  for (const part of ['query', 'headers']) {
    changes.input(sideOf(old.root, before?.[part]), sideOf(now.root, after?.[part]), part)
  }
}

/** The server ignores what it does not know of a query, unless the schema of the route says otherwise. */
function upgradeOf ({ channel: { bindings }, root }: ChannelModel): JsonSchema {
  const { $ref } = Object(bindings) as { readonly $ref?: string }
  const { ws } = ($ref === undefined ? {} : valueAt(root, $ref)) as JsonSchema
  return isObject(ws) ? ws : {}
}
