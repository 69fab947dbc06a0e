import { breaksBoth, breaksNew, breaksOld, Changes, type Breaks, type Change } from './changes.ts'
import type { ChannelModel, MessageModel } from '../../asyncapi/model/channel-models.ts'

/** Adds the changes of the messages of one kind of channel. */
export function compareMessages (old: ChannelModel, now: ChannelModel, found: Change[]): void {
  for (const direction of ['fromClient', 'fromServer'] as const) {
    for (const type of new Set([...old[direction].keys(), ...now[direction].keys()])) {
      const changes = new Changes(direction, `${now.name}, ${direction} '${type}'`, found)
      const [before, after] = [old[direction].get(type), now[direction].get(type)]
      if (!changes.presence(before, after, 'the message')) continue
      const compare = direction === 'fromClient' ? compareFromClient : compareFromServer
      compare(before as MessageModel, after as MessageModel, changes)
    }
  }
}

function compareFromClient (old: MessageModel, now: MessageModel, changes: Changes): void {
  changes.input(old.payload, now.payload, '')
  if (old.reply && now.reply) changes.output(old.reply, now.reply, 'reply')
  for (const code of new Set([...old.errors.keys(), ...now.errors.keys()])) {
    const [before, after] = [old.errors.get(code), now.errors.get(code)]
    // A client may be exhaustive about the errors that it knows.
    const isCommon = changes.presence(before, after, `the error '${code}'`, { added: breaksOld, removed: breaksNew })
    if (before && after && isCommon) changes.output(before, after, `error '${code}'`)
  }
  const { operation: { 'x-idempotent': wasIdempotent, 'x-rate-limit': oldRate } } = old
  const { operation: { 'x-idempotent': isIdempotent, 'x-rate-limit': rate } } = now
  changes.presence(wasIdempotent, isIdempotent, "'idempotent'")
  compareRates(oldRate as Rate | undefined, rate as Rate | undefined, changes)
}

interface Rate { readonly max: number, readonly timeWindow: number }

/** Lower for a rate that lets fewer messages pass, at once or over time. */
function compareRates (old: Rate | undefined, now: Rate | undefined, changes: Changes): void {
  const isTighter = (a: Rate | undefined, b: Rate | undefined) => b !== undefined &&
    (a === undefined || b.max < a.max || b.max / b.timeWindow < a.max / a.timeWindow)
  changes.value(old, now, "'rateLimit'", { oldClients: isTighter(old, now), newClients: isTighter(now, old) })
}

function compareFromServer (old: MessageModel, now: MessageModel, changes: Changes): void {
  changes.output(old.payload, now.payload, '')
  const { 'x-persistent': wasPersistent, 'x-when-slow': oldWhenSlow } = old.operation
  const { 'x-persistent': isPersistent, 'x-when-slow': whenSlow } = now.operation
  if (wasPersistent && !isPersistent) changes.add('it is ephemeral in place of persistent', breaksOld)
  if (!wasPersistent && isPersistent) changes.add('it is persistent in place of ephemeral', breaksNew)
  changes.value(oldWhenSlow, whenSlow, "'whenSlow'", moreLoss(oldWhenSlow, whenSlow))
}

/** A slow client misses nothing with 'disconnect' and 'skip', older values with `latest`, any message with 'drop'. */
function moreLoss (old: unknown, now: unknown): Breaks {
  const loss = (whenSlow: unknown) => whenSlow === 'drop' ? 2 : Number(typeof whenSlow === 'object')
  if (loss(old) === 1 && loss(now) === 1) return breaksBoth
  return { oldClients: loss(now) > loss(old), newClients: loss(now) < loss(old) }
}
