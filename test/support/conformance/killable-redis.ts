import { connect, type Socket } from 'node:net'
import { AbstractConnector, type Cluster, type Redis, type RedisOptions } from 'ioredis'
import { systemClock, type Clock } from '../../../lib/clock.ts'

/**
 * A client and a clock for one Redis adapter. `kill` stops the adapter as a crash stops a process: its connections are
 * closed and its timers do not fire, so it writes nothing more and does not renew its lease.
 */
export class KillableRedis {
  readonly client: Redis | Cluster
  readonly clock: Clock
  readonly #sockets = new Set<Socket>()
  #isKilled = false

  constructor (client: Redis | Cluster) {
    const Connector = this.#connector()
    const options = client.isCluster
      ? { ...client.options, redisOptions: { ...(client as Cluster).options.redisOptions, Connector } }
      : { ...client.options, Connector }
    this.client = Object.create(client, { options: { value: options } }) as Redis | Cluster
    this.clock = {
      ...systemClock,
      setTimeout: (fn, ms) => {
        const call = () => { if (!this.#isKilled) fn() }
        // Nothing else keeps the process alive while a test waits for a short timer.
        return ms <= 3_000 ? setTimeout(call, ms) : systemClock.setTimeout(call, ms)
      }
    }
  }

  /** To be followed by `close` of the adapter, which ends the attempts to connect and can write nothing. */
  kill (): void {
    this.#isKilled = true
    for (const socket of this.#sockets) socket.destroy()
  }

  #connector () {
    const open = (options: RedisOptions) => {
      if (this.#isKilled) throw new Error('killed')
      const socket = connect(options.port as number, options.host as string)
      this.#sockets.add(socket.once('close', () => this.#sockets.delete(socket)))
      return socket
    }
    return class extends AbstractConnector {
      readonly #options: RedisOptions

      constructor (options: unknown) {
        super(100)
        this.#options = options as RedisOptions
      }

      async connect (): Promise<Socket> {
        this.connecting = true
        this.stream = open(this.#options)
        return this.stream as Socket
      }
    }
  }
}
