import { Rights } from './fuzz-channel.ts'
import { FuzzNodes } from './fuzz-nodes.ts'
import { ModelRun } from './model-run.ts'
import { Random } from '../random.ts'

/** Actions of one session. */
const steps = 150

/** Runs random sessions, one after another, on the same two nodes. */
export class ModelFuzzer {
  /** How often each kind of message and reply was received. */
  readonly counts: Record<string, number> = {}
  readonly #nodes: FuzzNodes
  readonly #rights: Rights

  private constructor (nodes: FuzzNodes, rights: Rights) {
    this.#nodes = nodes
    this.#rights = rights
  }

  /** `redis`: the URL of a Redis between the nodes; without it they share a memory hub. */
  static async start (redis?: string): Promise<ModelFuzzer> {
    const rights = new Rights()
    return new ModelFuzzer(await FuzzNodes.start(2, rights, redis), rights)
  }

  /** One session. @throws {Error} with the seed and what was done, when a rule is broken */
  async run (seed: number): Promise<void> {
    const run = new ModelRun(new Random(seed), this.#nodes, this.#rights, `(s${seed})`)
    try {
      await run.run(steps)
    } catch (error) {
      const trace = run.trace.slice(-40).join('\n')
      throw new Error(`session ${seed} (repeat it with --seed ${seed} --runs 1): ${(error as Error).message}\n${trace}`)
    }
    for (const [kind, count] of Object.entries(run.counts)) this.counts[kind] = (this.counts[kind] ?? 0) + count
  }

  close (): Promise<void> {
    return this.#nodes.close()
  }
}
