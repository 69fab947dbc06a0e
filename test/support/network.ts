import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A network between client and server that a test can take away. */
export class Network {
  readonly #server: Server
  readonly #pairs = new Set<[Socket, Socket]>()
  /** The port that new connections lead to; those before stay where they are. */
  target: number
  #frozen = false
  #isBlocked = false

  private constructor (target: number) {
    this.target = target
    this.#server = createServer((near) => {
      if (this.#isBlocked) near.destroy()
      else this.#join(near, connect(this.target, '127.0.0.1'))
    })
  }

  static async open (t: Test, target: number): Promise<Network> {
    const network = new Network(target)
    network.#server.listen(0, '127.0.0.1')
    await once(network.#server, 'listening')
    t.teardown(() => network.#end())
    // With a loader, Node 20 may spin without end while it takes down the handles of sockets that were destroyed in the
    // middle of a write. `process.exit` does not take them down.
    process.once('beforeExit', () => process.exit())
    return network
  }

  get port (): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Nothing passes any more, and nobody is told: no FIN, no RST. */
  freeze (): void {
    this.#frozen = true
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  /** Connections are reset; new ones pass again. */
  cut (): void {
    this.#frozen = false
    for (const socket of [...this.#pairs].flat()) {
      // Node never ends the process of a socket that is reset while it connects.
      if (socket.connecting) socket.destroy()
      else socket.resetAndDestroy()
    }
  }

  /** Connections are closed, and so are new ones until `unblock`. */
  block (): void {
    this.#isBlocked = true
    for (const socket of [...this.#pairs].flat()) socket.destroy()
  }

  unblock (): void {
    this.#isBlocked = false
  }

  #join (near: Socket, far: Socket): void {
    const pair: [Socket, Socket] = [near, far]
    this.#pairs.add(pair)
    for (const [from, to] of [[near, far], [far, near]] as const) {
      from.on('data', (chunk) => to.write(chunk))
      from.on('end', () => { if (!this.#frozen) to.end() })
      from.on('error', () => to.destroy())
      // The other side of a frozen connection is still there for `cut`.
      from.on('close', () => { if (to.destroyed) this.#pairs.delete(pair) })
    }
  }

  #end (): void {
    this.cut()
    this.#server.close()
  }
}
