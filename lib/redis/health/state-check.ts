import type { Clock, Timer } from '../../clock.ts'
import { CoalescedTask } from '../../coalesced-task.ts'
import { defineScript, RedisUnavailable, type Script, type ScriptRunner } from '../script-runner.ts'
import { stateOf, type Issue } from './issues.ts'

/** How often a master is asked. After a failover behind a fixed address this bounds the time on the old master. */
const intervalMs = 1_000

const stateScript = defineScript('state', String.raw`#!lua
-- Runs nothing. Redis refuses a script with this first line unless it could write. KEYS: a name of the asked master
return 1
`)

const readScript = defineScript('read', String.raw`
-- Runs nothing. A replica that has lost its master may refuse even that. KEYS: a name of the asked master
return 1
`)

export interface StateCheckDeps {
  readonly scripts: Pick<ScriptRunner, 'run'>
  readonly clock: Clock
  /** A name for each master, which belongs to it. None while no master is known. */
  readonly names: () => readonly string[]
  /** The masters have answered. `issue`: why one of them takes no writes; undefined when all of them do. */
  readonly checked: (issue: Issue | undefined) => void
}

/**
 * Asks every master regularly whether it takes writes. A replica, or a Redis without memory, keeps its connections and
 * its pub/sub, so a node without writes of its own would not notice.
 */
export class StateCheck {
  readonly #deps: StateCheckDeps
  readonly #task = new CoalescedTask(() => this.#check())
  #timer: Timer

  constructor (deps: StateCheckDeps) {
    this.#deps = deps
  }

  start (): void {
    this.#timer = this.#deps.clock.setTimeout(() => {
      this.start()
      if (!this.#task.isRunning) this.run()
    }, intervalMs)
  }

  stop (): void {
    this.#deps.clock.clearTimeout(this.#timer)
  }

  /** Asks now, once more if a check is running. */
  run (): Promise<void> {
    return this.#task.run()
  }

  async #check (): Promise<void> {
    const { names, checked } = this.#deps
    const answers = await Promise.all(names().map((name) => this.#ask(name)))
    const issue = answers.find((answer) => typeof answer === 'object')
    // Without an answer nothing is known; the connection or the probe shows why.
    if (issue !== undefined || answers.includes('works')) checked(issue)
  }

  async #ask (name: string): Promise<Answer> {
    const answer = await this.#run(stateScript, name)
    if (typeof answer !== 'object' || answer.kind !== 'replica') return answer
    const further = await this.#run(readScript, name)
    return typeof further === 'object' ? further : answer
  }

  #run (script: Script, name: string): Promise<Answer> {
    return this.#deps.scripts.run(script, [name], []).then(() => 'works', answerOf)
  }
}

type Answer = Issue | 'works' | undefined

/** A server that is not Redis 7 may not know the first line, and tells nothing else. */
function answerOf (error: Error): Answer {
  return error instanceof RedisUnavailable ? stateOf(error.cause) : 'works'
}
