import { io, type Socket } from 'socket.io-client'
import type { WebSocket } from 'ws'
import type { DeliveredMessage } from '../rig/contract.ts'
import { RigUser } from '../rig/rig-user.ts'

/** How long a send waits for its ack. Until then the client keeps it, and sends it once it is connected. */
const ackTimeoutMs = 20_000

/** One user of the rig, with the client of Socket.IO. */
export class SocketIoUser extends RigUser {
  #socket: Socket | undefined

  async join (): Promise<void> {
    const channels = this.channels.map((name) => this.addressOf(name))
    const socket = this.#socket = io(this.url.replace(/^ws/, 'http'), {
      transports: ['websocket'], query: { user: this.name }, auth: { channels }, forceNew: true
    })
    socket.on('delivered', (channel: string, message: DeliveredMessage) => this.received(channel, message))
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    // Missed messages come before the event `connect`.
    socket.io.on('open', () => this.note({ what: 'state', state: 'open' }))
    socket.on('connect', () => {
      // The application has to load its state again.
      if (!socket.recovered) for (const channel of channels) this.note({ what: 'resync', channel, reason: 'epoch' })
    })
    socket.on('disconnect', (state) => this.note({ what: 'state', state }))
  }

  protected override sendMessage (kind: string, _name: string, message: object): Promise<unknown> {
    const failed = () => { throw Object.assign(new Error('no ack'), { code: 'timeout' }) }
    return (this.#socket as Socket).timeout(ackTimeoutMs).emitWithAck(kind, message).catch(failed)
  }

  protected override closeClient (): void {
    this.#socket?.disconnect()
  }

  protected override get webSocket (): WebSocket | undefined {
    return (this.#socket?.io.engine.transport as unknown as { ws?: WebSocket } | undefined)?.ws
  }
}
