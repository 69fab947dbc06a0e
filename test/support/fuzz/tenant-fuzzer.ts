import assert from 'node:assert/strict'
import { Redis } from 'ioredis'
import { systemClock } from '../../../lib/clock.ts'
import { clusterTimings } from '../../../lib/cluster/timings.ts'
import { RedisAdapter } from '../../../lib/redis/redis-adapter.ts'
import {
  appendOf, changesTo, connectionOf, message, messagesTo, startNode, subscribe, usersOf, type TestNode
} from '../../../lib/testing/conformance/test-node.ts'
import { TestTime } from '../../../lib/testing/conformance/test-time.ts'
import { Random } from '../random.ts'
import { silentLog } from '../silent-log.ts'
import { soon } from '../until.ts'
import { someKeyPrefix, somePrefix } from './hostile-names.ts'

const channel = 'room'
/** Nodes learn of each other soon. */
const timings = { ...clusterTimings, leaseRenewalMs: 200 }

/** Two nodes that share a prefix. */
interface Tenant { readonly name: string, readonly nodes: readonly [TestNode, TestNode] }

/**
 * Two tenants on one Redis, told apart by the prefixes of their names alone, use the same channels, users and ids. Each
 * must be as if it were alone.
 */
export class TenantFuzzer {
  /** How often each part of the adapter was tried. */
  readonly counts: Record<string, number> = {}
  readonly #url: string

  constructor (url: string) {
    this.#url = url
  }

  async run (seed: number): Promise<void> {
    const clients: Redis[] = []
    const random = new Random(seed)
    const tenants = this.#tenants(random, clients)
    try {
      await this.#check(tenants)
    } catch (error) {
      const names = tenants.map(({ name }) => JSON.stringify(name)).join(' and ')
      throw new Error(`tenants ${seed} (repeat it with --seed ${seed} --runs 1): ${(error as Error).message}: ${names}`)
    } finally {
      await Promise.all(tenants.flatMap(({ nodes }) => nodes).map(({ adapter }) => adapter.close()))
      for (const client of clients) client.disconnect()
    }
  }

  async close (): Promise<void> {}

  #tenants (random: Random, clients: Redis[]): readonly [Tenant, Tenant] {
    const one = () => [someKeyPrefix(random), `${somePrefix(random)}${random.below(3)}`] as const
    const [a, [keyPrefix, prefix]] = [one(), one()]
    const b = random.pick([[keyPrefix, prefix], [a[0], prefix], [keyPrefix, a[1]]] as const)
    // The same names in Redis mean the same tenant.
    if (a.join('') === b.join('')) return this.#tenants(random, clients)
    return [this.#start(a, clients), this.#start(b, clients)]
  }

  #start ([keyPrefix, prefix]: readonly [string, string], clients: Redis[]): Tenant {
    const start = () => {
      const client = new Redis(this.#url, { keyPrefix, lazyConnect: true })
      clients.push(client)
      const adapter = new RedisAdapter({ client, prefix, clock: systemClock, log: silentLog, timings })
      return startNode(adapter, new TestTime({}))
    }
    return { name: keyPrefix + prefix, nodes: [start(), start()] }
  }

  async #check (tenants: readonly [Tenant, Tenant]): Promise<void> {
    const nodes = tenants.flatMap(({ nodes }) => nodes)
    await soon('every node knows the other one of its tenant, and no more', async () => nodes.every(({ adapter }) =>
      adapter.status.state === 'up' && (adapter as RedisAdapter).liveNodes === 2))
    await subscribe(channel, ...nodes)
    const [a, b] = tenants
    await this.#try('message', () => messages(a, b))
    await this.#try('presence', () => presence(a, b))
    for (const [name, check] of Object.entries({ history, claim, quota, request, revocation })) {
      for (const [tenant, stranger] of [[a, b], [b, a]] as const) await this.#try(name, () => check(tenant, stranger))
    }
    for (const { adapter } of nodes) assert.equal((adapter as RedisAdapter).liveNodes, 2, 'no node was added')
  }

  async #try (what: string, check: () => Promise<void>): Promise<void> {
    await check()
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }
}

async function messages ({ nodes: [a] }: Tenant, { nodes: [b, other] }: Tenant): Promise<void> {
  await a.adapter.pubsub.publish(channel, message('secret'))
  assert.deepEqual(await messagesTo(b, other, channel), [], 'a message crosses')
}

async function presence ({ nodes: [a] }: Tenant, { nodes: [b, other] }: Tenant): Promise<void> {
  await a.adapter.presence.enter(channel, connectionOf('c1', 'ann'))
  assert.deepEqual((await changesTo(b, other, channel)).length, 0, 'a change of presence crosses')
  assert.deepEqual(usersOf(await b.adapter.presence.list(channel)), ['the end'], 'a present user crosses')
}

/** For one tenant after the other: each is the first to use the ids. */
async function history ({ nodes: [node] }: Tenant): Promise<void> {
  const outcome = await node.adapter.history.append(channel, appendOf('m1'))
  assert.equal(outcome.outcome, 'appended', 'an entry crosses')
  assert.equal((await node.adapter.history.read(channel)).entries.length, 1, 'a history crosses')
}

async function claim ({ nodes: [node], name }: Tenant): Promise<void> {
  const claimed = await node.adapter.idempotency.claim(channel, { id: 'm1', contentHash: name, owner: name })
  assert.equal(claimed.outcome, 'claimed', 'an idempotency claim crosses')
}

async function quota ({ nodes: [node] }: Tenant): Promise<void> {
  assert.equal((await node.adapter.quota.acquire('ann', 'c1', 1)).granted, true, 'a quota crosses')
}

async function request ({ nodes: [node, other] }: Tenant): Promise<void> {
  const { results, missing } = await node.adapter.nodes.request('who', 10_000)
  const ids = results.map(({ node }) => node)
  const expected = { ids: [(other.adapter as RedisAdapter).nodeId], missing: [] }
  assert.deepEqual({ ids, missing }, expected, 'a request crosses')
}

/** The second tenant would have got that of the first one before its own. */
async function revocation ({ nodes: [node, other], name }: Tenant, stranger: Tenant): Promise<void> {
  await node.adapter.nodes.revoke(`user ${name}`, Date.now() + 60_000)
  await soon('a revocation arrives', async () => other.revoked.of(`user ${name}`).length > 0)
  assert.equal(other.revoked.of(`user ${stranger.name}`).length, 0, 'a revocation crosses')
}
