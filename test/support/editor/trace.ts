import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { ChangeSet, Text } from '@codemirror/state'
import { root } from '../../../routes/pages.ts'
import { cross } from '../../../routes/editor/changes.ts'

interface Txn {
  readonly parents: readonly number[]
  readonly agent: number
  /** Position and deleted length in code points, and what is inserted. */
  readonly patches: ReadonlyArray<readonly [position: number, deleted: number, inserted: string]>
}

/** A recorded editing session: test/data/README.md. */
export interface Trace {
  readonly endContent: string
  readonly numAgents: number
  readonly txns: readonly Txn[]
}

export async function readTrace (name: string): Promise<Trace> {
  const bytes = await promisify(gunzip)(await readFile(join(root, 'test/data', name)))
  return JSON.parse(bytes.toString()) as Trace
}

/** For each transaction the highest one of somebody else's among its ancestors, -1 where there is none. */
export function foreignAncestors ({ txns, numAgents }: Trace): number[] {
  const highest: number[][] = []
  return txns.map(({ parents, agent }, i) => {
    const seen = new Array<number>(numAgents).fill(-1)
    for (const parent of parents) highest[parent]?.forEach((h, a) => { seen[a] = Math.max(seen[a] as number, h) })
    highest.push(seen.map((h, a) => a === agent ? i : h))
    return Math.max(-1, ...seen.filter((_, a) => a !== agent))
  })
}

/** One author: what they see, and the entries of the log that their client has and they had not seen. */
export class Author {
  #view = Text.empty
  #unseen: Array<{ readonly txn: number, changes: ChangeSet }> = []

  /** The own edit that is on its way, as it is at the client's version. */
  #inflight: ChangeSet | undefined

  /** The document as the author sees it. */
  get text (): string {
    return this.#view.toString()
  }

  /** Somebody else's entry has reached the client. */
  receive (txn: number, changes: ChangeSet): void {
    const { earlier, later } = cross(changes, this.#inflight ?? ChangeSet.empty(changes.length))
    if (this.#inflight) this.#inflight = later
    this.#unseen.push({ txn, changes: earlier })
  }

  /** The own edit has reached the client. */
  confirm (): void {
    this.#inflight = undefined
  }

  /** The author sees all entries up to that transaction. */
  see (txn: number): void {
    while (this.#unseen[0] && this.#unseen[0].txn <= txn) {
      const { changes } = this.#unseen.shift() as { changes: ChangeSet }
      this.#view = changes.apply(this.#view)
    }
  }

  /** Makes the transaction in the view; returns what it is at the client's version, over all that was not seen. */
  write ({ patches }: Txn): ChangeSet {
    let own = this.#made(patches)
    this.#view = own.apply(this.#view)
    for (const entry of this.#unseen) {
      const crossed = cross(entry.changes, own)
      entry.changes = crossed.earlier
      own = crossed.later
    }
    this.#inflight = own
    return own
  }

  #made (patches: Txn['patches']): ChangeSet {
    let text = this.#view
    return patches.map(([position, deleted, inserted]) => {
      const from = units(text, 0, position)
      const changes = ChangeSet.of(
        { from, to: units(text, from, deleted), insert: Text.of(inserted.split('\n')) }, text.length
      )
      text = changes.apply(text)
      return changes
    }).reduce((all, changes) => all.compose(changes))
  }
}

/** The place that is so many code points after another. */
function units (text: Text, from: number, points: number): number {
  let at = from + points
  for (let missing = points; missing > 0;) {
    const pairs = text.sliceString(at - missing, at).match(/[\ud800-\udbff]/g)?.length ?? 0
    at += pairs
    missing = pairs
  }
  return at
}
