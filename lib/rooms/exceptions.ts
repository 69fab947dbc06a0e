import type { Except } from '../cluster/pubsub.ts'
import type { Member } from './member.ts'

/** Members of a room by id. */
type Members = ReadonlyMap<string, Member>

/**
 * Whether a member does not get a message. A connection that replaces the excepted one belongs to the same client.
 * @param rooms those of `membersOf` on this node
 */
export function isExcepted (
  { connection, user }: Except, rooms: readonly Members[], { id, userId, replaces }: Member
): boolean {
  return (connection !== undefined && (id === connection || replaces === connection)) ||
    (user !== undefined && userId === user) || rooms.some((members) => members.has(id))
}

/**
 * What other nodes have to know of an exception. A connection of this node is on no other one, but the one that it
 * replaces is, and so is the one that replaces it while this node drains.
 */
export function exceptElsewhere (except: Except, members: Members, isDraining: boolean): Except | undefined {
  const { connection = '', membersOf } = except
  const member = members.get(connection)
  if (!member) return except
  const { replaces } = member
  // The one that it replaced itself is gone by the time that this node drains.
  const elsewhere = isDraining ? connection : replaces
  if (elsewhere !== undefined) return { ...except, connection: elsewhere }
  return membersOf && { membersOf }
}
