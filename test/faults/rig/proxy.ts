import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** `up`: from the side that connected. */
export type Direction = 'up' | 'down'

/** One connection through the proxy. */
export class Passage {
  /** The port of the server that took it. */
  port = 0
  /** The user of a client's connection; undefined for others. */
  user: string | undefined
  readonly near: Socket
  far: Socket | undefined
  /** Whether a server has taken it. */
  isJoined = false

  constructor (near: Socket) {
    this.near = near
  }

  /** Both sides get a reset. */
  cut (): void {
    for (const socket of [this.near, this.far]) {
      // Node never ends the process of a socket that is reset while it connects.
      if (socket?.connecting) socket.destroy()
      else socket?.resetAndDestroy()
    }
  }
}

const exit = () => process.exit()

type Held = (passage: Passage, direction: Direction) => boolean

const nothing: Held = () => false

/**
 * A network between clients and servers that delays, holds and cuts connections, each direction by itself. A new
 * connection goes to the first of the ports that takes it, from the next one on each time.
 */
export class Proxy {
  readonly passages = new Set<Passage>()
  /** Ports that new connections go to only when no other takes them, as those of nodes that are not ready. */
  readonly avoided = new Set<number>()
  /** How long each piece of data takes. */
  delayMs = 0
  readonly #ports: readonly number[]
  readonly #server: Server
  #next = 0
  #held: Held = nothing

  private constructor (ports: readonly number[]) {
    this.#ports = ports
    this.#server = createServer({ pauseOnConnect: true }, (near) => {
      const passage = new Passage(near)
      this.passages.add(passage)
      near.on('error', () => {})
      near.once('close', () => this.passages.delete(passage))
      const first = this.#next++ % ports.length
      const inTurn = [...ports.slice(first), ...ports.slice(0, first)]
      const isAvoided = (port: number) => this.avoided.has(port)
      this.#connect(passage, [...inTurn.filter((port) => !isAvoided(port)), ...inTurn.filter(isAvoided)])
    })
  }

  static async open (ports: readonly number[]): Promise<Proxy> {
    const proxy = new Proxy(ports)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    // Node 20 may spin without end while it takes down the handles of sockets that were destroyed in the middle of a
    // write. `process.exit` does not take them down.
    if (!process.listeners('beforeExit').includes(exit)) process.once('beforeExit', exit)
    return proxy
  }

  get port (): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The servers behind it, in their order. */
  get ports (): readonly number[] {
    return this.#ports
  }

  /** Nothing passes where `held` says so, and no side is told: as packets that are lost on their way. */
  hold (held: Held): void {
    this.#held = held
    this.#flow()
  }

  /** What was held passes now. */
  release (): void {
    this.hold(nothing)
  }

  /** New connections of these users are reset. */
  readonly refused = new Set<string>()

  /** Resets the connections that `isCut` names. */
  cut (isCut: (passage: Passage) => boolean = () => true): void {
    for (const passage of [...this.passages].filter(isCut)) passage.cut()
  }

  end (): void {
    this.#server.close()
    this.cut()
  }

  #connect (passage: Passage, [port, ...others]: readonly number[]): void {
    if (port === undefined) return passage.cut()
    const far = connect(port, '127.0.0.1')
    passage.port = port
    passage.far = far.pause()
    far.on('error', () => {})
    far.once('close', () => { if (!passage.isJoined && !passage.near.destroyed) this.#connect(passage, others) })
    far.once('connect', () => {
      passage.isJoined = true
      if (passage.near.destroyed) far.destroy()
      this.#join(passage, passage.near, far, 'up')
      this.#join(passage, far, passage.near, 'down')
      this.#flow()
    })
  }

  #join (passage: Passage, from: Socket, to: Socket, direction: Direction): void {
    const later = new DelayedQueue(() => this.delayMs)
    from.on('data', (chunk) => {
      if (direction === 'up' && passage.user === undefined) {
        passage.user = /^GET \S*[?&]user=([\w-]+)/.exec(chunk.toString('latin1', 0, 200))?.[1] ?? ''
        if (this.refused.has(passage.user)) return passage.cut()
        if (this.#held !== nothing) this.#flow()
      }
      if (this.#held(passage, direction)) {
        from.pause()
        from.unshift(chunk)
        return
      }
      later.add(() => {
        if (to.write(chunk)) return
        from.pause()
        to.once('drain', () => this.#flow())
      })
    })
    from.on('end', () => later.add(() => to.end()))
    from.on('close', () => later.add(() => to.destroy()))
  }

  #flow (): void {
    for (const passage of this.passages) {
      const { near, far, isJoined } = passage
      if (!far || !isJoined) continue
      for (const [from, to, direction] of [[near, far, 'up'], [far, near, 'down']] as const) {
        if (this.#held(passage, direction)) from.pause()
        else if (!to.writableNeedDrain) from.resume()
      }
    }
  }
}

/** Runs what is added in its order, each after the delay at that time. */
class DelayedQueue {
  readonly #delayMs: () => number
  readonly #waiting: Array<{ readonly at: number, readonly run: () => void }> = []

  constructor (delayMs: () => number) {
    this.#delayMs = delayMs
  }

  add (run: () => void): void {
    const ms = this.#delayMs()
    if (ms === 0 && this.#waiting.length === 0) return run()
    this.#waiting.push({ at: performance.now() + ms, run })
    if (this.#waiting.length === 1) this.#wait()
  }

  #wait (): void {
    const [first] = this.#waiting
    if (!first) return
    setTimeout(() => {
      first.run()
      this.#waiting.shift()
      this.#wait()
    }, Math.max(0, first.at - performance.now()))
  }
}
