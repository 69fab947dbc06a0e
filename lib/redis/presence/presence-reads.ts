import type { PresenceList } from '../../cluster/presence.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { listScript } from './list-script.ts'
import { countScript } from './count-script.ts'


/** Users of one answer: a crowd must not hold Redis up. */
const page = 1_000

/** Page by page: changes in between are published, and have higher numbers than the first page. */
export async function readList ({ keys, commands }: RedisDeps, channel: string): Promise<PresenceList> {
  const users = new Map<string, unknown>()
  const names = [keys.ofChannel(channel, 'presence'), keys.ofChannel(channel, 'data')]
  let head: readonly string[] | undefined
  let cursor: string | undefined
  while (cursor !== '0') {
    const [epoch = '', sequence = '0', next, ...found] = await commands.run(listScript, names, [cursor ?? '0', page]) as string[]
    head ??= [epoch, sequence]
    cursor = next
    for (let i = 0; i < found.length; i += 2) users.set(found[i] as string, JSON.parse(found[i + 1] as string))
  }
  return { epoch: head?.[0] as string, sequence: Number(head?.[1]), entries: [...users].map(([user, data]) => ({ user, data })) }
}

export async function readCount ({ keys, commands }: RedisDeps, channel: string): Promise<number> {
  return await commands.run(countScript, [keys.ofChannel(channel, 'data')], []) as number
}
