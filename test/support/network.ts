import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A network between client and server that a test can take away. */
export class Network {
  readonly #server: Server
  readonly #pairs = new Set<[Socket, Socket]>()
  #frozen = false
  #isBlocked = false

  private constructor (target: number) {
    this.#server = createServer((near) => this.#join(near, connect(target, '127.0.0.1')))
  }

  static async open (t: Test, target: number): Promise<Network> {
    const network = new Network(target)
    network.#server.listen(0, '127.0.0.1')
    await once(network.#server, 'listening')
    t.teardown(() => network.#end())
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
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy()
  }

  /** Connections are reset, and new ones are refused until `unblock`. */
  block (): void {
    this.#isBlocked = true
    this.cut()
  }

  unblock (): void {
    this.#isBlocked = false
  }

  #join (near: Socket, far: Socket): void {
    const pair: [Socket, Socket] = [near, far]
    if (this.#isBlocked) for (const socket of pair) socket.resetAndDestroy()
    this.#pairs.add(pair)
    for (const [from, to] of [[near, far], [far, near]] as const) {
      from.on('data', (chunk) => to.write(chunk))
      from.on('end', () => { if (!this.#frozen) to.end() })
      from.on('error', () => to.destroy())
      from.on('close', () => { this.#pairs.delete(pair) })
    }
  }

  #end (): void {
    this.cut()
    this.#server.close()
  }
}
