import type { AnyChannel, FromClientDefinition, FromServerDefinition, PresenceDefinition } from '../define-channel.ts'
import { parsePattern } from '../pattern.ts'

/**
 * The part in which two contracts differ that must be alike where they share their channels; undefined when they can
 * share them. Members of one contract get what the other one sends, and clients ignore types of messages, and members
 * of objects, that they do not know. So one contract may declare further messages, and further optional members.
 */
export function differenceOf (a: AnyChannel, b: AnyChannel): string | undefined {
  if (shapeOf(a.pattern) !== shapeOf(b.pattern)) return 'pattern'
  if (!areAlike(historyOf(a), historyOf(b))) return 'history'
  if (!areAlike(presenceOf(a), presenceOf(b))) return 'presence'
  const sent = commonTypes(a, b, 'fromServer').find((type) => !areAlike(sentOf(a, type), sentOf(b, type)))
  if (sent !== undefined) return `fromServer '${sent}'`
  // An idempotent message that is sent again on another route gets the reply of the first.
  const replied = commonTypes(a, b, 'fromClient').find((type) => !areAlike(replyOf(a, b, type), replyOf(b, a, type)))
  return replied === undefined ? undefined : `fromClient '${replied}', reply`
}

/** A pattern without the names of its params. */
export function shapeOf (pattern: string): string {
  return parsePattern(pattern).segments.map((segment) => 'name' in segment ? ':' : segment.literal).join('/')
}

function commonTypes (a: AnyChannel, b: AnyChannel, direction: 'fromClient' | 'fromServer'): string[] {
  return Object.keys(a.definition[direction]).filter((type) => Object.hasOwn(b.definition[direction], type))
}

function historyOf ({ definition: { history } }: AnyChannel): unknown {
  return history && { ...history, initial: history.initial ?? history.limit }
}

function presenceOf ({ definition: { presence } }: AnyChannel): unknown {
  const { data = presence, list = 'all' } = (presence ?? {}) as Partial<PresenceDefinition>
  return presence && { data, list }
}

function sentOf ({ definition: { history, fromServer } }: AnyChannel, type: string): unknown {
  const { payload, ephemeral, whenSlow = 'disconnect' } = fromServer[type] as FromServerDefinition
  return { payload, whenSlow, isPersistent: history !== undefined && ephemeral !== true }
}

/** Undefined for a message that is not idempotent in both. */
function replyOf (a: AnyChannel, b: AnyChannel, type: string): unknown {
  const [own, other] = [a, b].map(({ definition }) => definition.fromClient[type] as FromClientDefinition)
  return own?.idempotent && other?.idempotent ? own.reply : undefined
}

type Fields = Readonly<Record<string, unknown>>

/** Whether two definitions are equal, apart from optional members of objects in their schemas, and from texts. */
function areAlike (a: unknown, b: unknown): boolean {
  if (!isObject(a) || !isObject(b)) return Object.is(a, b)
  return [...keysOf(a, b)].every((key) => {
    switch (key) {
      case 'title': case 'description': case 'examples': return true
      case 'required': return sorted(a[key]) === sorted(b[key])
      case 'properties': return haveAlikeMembers(a, b)
      default: return areAlike(a[key], b[key])
    }
  })
}

function haveAlikeMembers (a: Fields, b: Fields): boolean {
  const [own, other] = [membersOf(a), membersOf(b)]
  return [...keysOf(own, other)].every((name) => {
    const isCommon = Object.hasOwn(own, name) && Object.hasOwn(other, name)
    return isCommon ? areAlike(own[name], other[name]) : !isRequired(a, name) && !isRequired(b, name)
  })
}

function membersOf ({ properties }: Fields): Fields {
  return isObject(properties) ? properties : {}
}

function isRequired ({ required }: Fields, name: string): boolean {
  return Array.isArray(required) && required.includes(name)
}

const sorted = (names: unknown) => Array.isArray(names) ? names.toSorted().join('\n') : ''

const keysOf = (...objects: readonly Fields[]) => new Set(objects.flatMap(Object.keys))

function isObject (value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
