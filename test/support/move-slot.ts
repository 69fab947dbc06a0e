import type { RedisServer } from './redis.ts'

/** Moves a slot of a Redis Cluster to another master as redis-cli does, keys and all. */
export async function moveSlot (masters: readonly RedisServer[], slot: number, to: RedisServer): Promise<void> {
  const finish = await beginMove(masters, slot, to)
  await finish()
}

/** The same in two steps. Until the second one, the slot is MIGRATING and IMPORTING. */
export async function beginMove (
  masters: readonly RedisServer[], slot: number, to: RedisServer
): Promise<() => Promise<void>> {
  const from = await ownerOf(masters, slot)
  const [fromId, toId] = [String(await from.cli('CLUSTER', 'MYID')), String(await to.cli('CLUSTER', 'MYID'))]
  await to.cli('CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', fromId)
  await from.cli('CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', toId)
  return async () => {
    for (;;) {
      const keys = await from.cli('CLUSTER', 'GETKEYSINSLOT', `${slot}`, '10') as string[]
      if (keys.length === 0) break
      await from.cli('MIGRATE', '127.0.0.1', `${to.port}`, '', '0', '5000', 'KEYS', ...keys)
    }
    for (const server of [to, from]) await server.cli('CLUSTER', 'SETSLOT', `${slot}`, 'NODE', toId)
    for (const master of masters) await master.cli('CLUSTER', 'SETSLOT', `${slot}`, 'NODE', toId).catch(() => {})
  }
}

/** The master that serves a slot. */
export async function ownerOf (masters: readonly RedisServer[], slot: number): Promise<RedisServer> {
  for (const master of masters) {
    const lines = String(await master.cli('CLUSTER', 'NODES')).split('\n')
    const [, ranges = ''] = /connected (.*)$/.exec(lines.find((line) => line.includes('myself')) ?? '') ?? []
    const isOwner = ranges.split(' ').some((range) => {
      const [first, last = first] = range.split('-').map(Number)
      return slot >= (first as number) && slot <= (last as number)
    })
    if (isOwner) return master
  }
  throw new Error(`no master serves slot ${slot}`)
}
