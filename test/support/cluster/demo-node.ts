import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { Test } from 'tap'
import { TestClient } from '../../../lib/testing/test-client.ts'
import type { LogLine } from '../serve.ts'
import { bearer } from '../serve.ts'
import { identityOf, type Identity } from '../demo.ts'
import { root } from '../../../routes/pages.ts'

/** The demo, built, in a process of its own: what `npm start` runs. */
export class DemoNode {
  readonly http: string
  readonly log: LogLine[]
  readonly #child: ChildProcess
  readonly #stderr: string[]

  private constructor (child: ChildProcess, http: string, log: LogLine[], stderr: string[]) {
    this.#child = child
    this.http = http
    this.log = log
    this.#stderr = stderr
  }

  /**
   * `redis`: the URL that all nodes of a cluster share. Ended with the test; one that ended by itself before fails it.
   */
  static async start (t: Test, redis: string, env: NodeJS.ProcessEnv = {}): Promise<DemoNode> {
    const child = spawn(process.execPath, [join(root, 'dist/routes/start.js')], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        PORT: '0',
        HOST: '127.0.0.1',
        LIMITS: 'off',
        DRAIN_TIMEOUT: '0',
        REDIS_URL: redis,
        JWT_SECRET: 'for tests',
        ...env
      },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    const log: LogLine[] = []
    const stderr: string[] = []
    child.stderr.on('data', (text) => stderr.push(String(text)))
    const http = await new Promise<string>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`the demo ended: ${stderr.join('')}`)))
      createInterface(child.stdout).on('line', (line) => {
        if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine)
        const address = /http:\/\/localhost:\d+/.exec(line)
        if (address && !line.startsWith('{')) resolve(address[0].replace('localhost', '127.0.0.1'))
      })
    })
    const node = new DemoNode(child, http, log, stderr)
    t.teardown(() => node.#end())
    return node
  }

  get pid (): number {
    return this.#child.pid as number
  }

  get url (): string {
    return this.http.replace('http', 'ws')
  }

  get isRunning (): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Somebody with a token: good on every node of the cluster. */
  identity (name: string): Promise<Identity> {
    return identityOf(this.http, name)
  }

  connect (identity: Identity, path = '/ws/chat'): Promise<TestClient> {
    return TestClient.connect(this.url + path, [], bearer(identity.token))
  }

  async status (): Promise<Record<string, unknown>> {
    return await (await fetch(`${this.http}/status`)).json() as Record<string, unknown>
  }

  /** SIGSTOP, SIGCONT, SIGTERM, SIGKILL. The last two resolve once it is gone. */
  async signal (name: NodeJS.Signals): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.kill(name)
    if (name === 'SIGKILL' || name === 'SIGTERM') await gone
  }

  /**
   * @throws what the node had to say on stderr: whatever ends a process by itself, an unhandled rejection among others,
   * says so there
   */
  async #end (): Promise<void> {
    if (this.isRunning) {
      this.#child.kill('SIGCONT')
      await this.signal('SIGTERM')
    }
    const said = this.#stderr.join('')
    if (said !== '') throw new Error(said)
  }
}
