import { ChangeSet } from '@codemirror/state'
import t from 'tap'
import { DocumentState, type Edited } from '../../routes/editor/document-state.ts'
import { Author, foreignAncestors, readTrace, type Trace } from '../support/editor/trace.ts'
import { cases } from '../support/long-form.ts'
import { startRedis } from '../support/redis.ts'
import { DemoNode } from '../support/cluster/demo-node.ts'
import type { TestClient } from '../../lib/testing/test-client.ts'

interface Joined {
  readonly offset: number,
  readonly hash: string,
  readonly snapshot?: Parameters<typeof DocumentState.from>[0],
  readonly messages: ReadonlyArray<{
    payload: Edited
    offset: number
    hash: string
  }>
}

const channel = 'doc/trace'

/** One author with a connection of their own to one of the nodes. */
class Player {
  readonly author = new Author()
  readonly #client: TestClient
  /** The version that the client has taken in. The log's order is the file's: transaction i makes version i + 1. */
  #version = 0
  #seq = 0

  constructor (client: TestClient) {
    this.#client = client
  }

  /** Takes in the log up to a version. */
  async reach (version: number): Promise<void> {
    while (this.#version < version) {
      const { payload, offset } = await this.#client.next('edited') as unknown as { payload: Edited, offset: number }
      this.#version = offset
      this.author.receive(offset - 1, ChangeSet.fromJSON(payload.changes))
    }
  }

  /** The text at a version, all entries seen. */
  async read (version: number): Promise<string> {
    await this.reach(version)
    this.author.see(version - 1)
    return this.author.text
  }

  /**
   * Sends an edit made at the client's version, and takes in the log up to it: what others wrote before it, and itself.
   */
  async send (changes: ChangeSet): Promise<void> {
    const edit = { version: this.#version, clientId: 'player', seq: ++this.#seq, changes: changes.toJSON() as unknown }
    const { type, payload } = await this.#client.request('edit', channel, edit)
    if (type !== 'ack') throw new Error(JSON.stringify(payload))
    const { version } = payload as { version: number }
    await this.reach(version - 1)
    await this.#client.next('edited')
    this.#version = version
    this.author.confirm()
  }
}

async function replay (trace: Trace, players: readonly Player[]): Promise<void> {
  const foreign = foreignAncestors(trace)
  for (const [i, txn] of trace.txns.entries()) {
    const player = players[txn.agent] as Player
    await player.reach((foreign[i] as number) + 1)
    player.author.see(foreign[i] as number)
    await player.send(player.author.write(txn))
  }
}

t.test('editor: a recorded session over two nodes gives its recorded text', { timeout: 240_000 }, async (t) => {
  const recorded = await readTrace('clownschool.json.gz')
  const trace = { ...recorded, txns: recorded.txns.slice(0, cases(recorded.txns.length, 1_000)) }
  const redis = await startRedis(t)
  const nodes = await Promise.all([DemoNode.start(t, redis.url), DemoNode.start(t, redis.url)])
  const connect = async (i: number) => {
    const node = nodes[i % 2] as DemoNode
    const client = await node.connect(await node.identity(`Author ${i}`), '/ws/editor')
    return { client, ack: await client.request('join', channel) }
  }
  const players = await Promise.all(
    Array.from({ length: trace.numAgents }, async (_, i) => new Player((await connect(i)).client))
  )
  await replay(trace, players)
  const texts = await Promise.all(players.map((player) => player.read(trace.txns.length)))
  t.equal(new Set(texts).size, 1, 'all authors have the same text')
  const text = trace.txns.length === recorded.txns.length ? recorded.endContent : texts[0]
  for (const i of [0, 1]) {
    const { ack } = await connect(i)
    const { snapshot, messages, offset } = ack.payload as Joined
    const document = DocumentState.from(snapshot)
    for (const message of messages) document.take({ ...message.payload, offset: message.offset, hash: message.hash })
    t.equal(document.version, trace.txns.length)
    t.equal(offset, trace.txns.length)
    t.ok(document.text.toString() === text, 'a new client has the text of the authors, at the end the recorded one')
  }
})
