import type { PresenceList } from '../../cluster/presence.ts'
import type { RedisDeps } from '../redis-deps.ts'
import { defineScript } from '../script-runner.ts'

const listScript = defineScript('list', String.raw`
-- A page of a presence list. KEYS: meta, data (see presence-state-lua.ts). ARGV: cursor, users per page
-- Returns { epoch, sequence, next cursor, user, data, ... }
local m = redis.call('HMGET', KEYS[1], 'epoch', 'sequence')
local page = redis.call('HSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2])
local reply = { m[1] or '', m[2] or '0', page[1] }
for _, part in ipairs(page[2]) do reply[#reply + 1] = part end
return reply
`)

const countScript = defineScript('count', String.raw`
-- The number of users present. KEYS: data
return redis.call('HLEN', KEYS[1])
`)

/** Users of one reply: more would block Redis for too long. */
const pageSize = 1_000

/** Reads page by page. Changes in between are published with higher numbers than the first page has. */
export async function readList ({ keys, scripts }: RedisDeps, channel: string): Promise<PresenceList> {
  const names = [keys.ofChannel(channel, 'presence'), keys.ofChannel(channel, 'data')]
  const readPage = (cursor: string) => scripts.run(listScript, names, [cursor, pageSize]) as Promise<string[]>
  const users = new Map<string, unknown>()
  let [epoch = '', sequence = '0', cursor = '0', ...found] = await readPage('0')
  addTo(users, found)
  while (cursor !== '0') {
    [, , cursor = '0', ...found] = await readPage(cursor)
    addTo(users, found)
  }
  return { epoch, sequence: Number(sequence), entries: [...users].map(([user, data]) => ({ user, data })) }
}

export async function readCount ({ keys, scripts }: RedisDeps, channel: string): Promise<number> {
  return await scripts.run(countScript, [keys.ofChannel(channel, 'data')], []) as number
}

function addTo (users: Map<string, unknown>, page: readonly string[]): void {
  for (let i = 0; i < page.length; i += 2) users.set(page[i] as string, JSON.parse(page[i + 1] as string))
}
