import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

/**
 * A load balancer of a test's own: each new connection goes to the first of the servers that takes it. A test may add
 * ports while it runs.
 */
export class Balancer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor (ports: readonly number[]) {
    this.#server = createServer((near) => this.#join(near, ports))
  }

  static async start (t: Test, ports: readonly number[]): Promise<Balancer> {
    const balancer = new Balancer(ports)
    balancer.#server.listen(0, '127.0.0.1')
    await once(balancer.#server, 'listening')
    t.teardown(() => balancer.#end())
    return balancer
  }

  get url (): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  #join (near: Socket, [port, ...others]: readonly number[]): void {
    near.on('error', () => {})
    if (port === undefined) {
      near.destroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    this.#sockets.add(near.pause()).add(far)
    far.once('error', () => { if (far.connecting || far.bytesRead === 0) this.#join(near, others) })
    far.once('connect', () => {
      near.pipe(far).pipe(near)
      near.once('close', () => far.destroy())
      far.once('close', () => near.destroy())
    })
  }

  #end (): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}
