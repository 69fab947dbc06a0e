import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { HubDirectory } from '../../../lib/local/hub/hub-directory.ts'
import {
  encodePacket, PacketReader, protocolVersion, type Packet, type PacketKind
} from '../../../lib/local/wire/packets.ts'
import { until } from '../until.ts'

/** One end of a connection to a hub, packet by packet. */
export class RawPeer {
  readonly received: Packet[] = []
  isClosed = false
  readonly socket: Socket
  readonly #reader = new PacketReader()

  constructor (socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.received.push(...this.#reader.read(chunk)))
    socket.on('error', () => {})
    socket.on('close', () => { this.isClosed = true })
  }

  /** A node on the hub of the path, which has said who it is. */
  static async join (path: string, node: string, version = protocolVersion): Promise<RawPeer> {
    const directory = new HubDirectory(path)
    const socket = connect({ path: directory.hubAddress(directory.newest()), allowHalfOpen: true })
    await once(socket, 'connect')
    const peer = new RawPeer(socket)
    peer.send('hello', 0, { version, node })
    return peer
  }

  send (kind: PacketKind, id: number, head: unknown, parts: readonly Buffer[] = []): void {
    this.socket.write(encodePacket(kind, id, head, parts))
  }

  /** The next packet that is so. It is taken out of those received. */
  async take (isWanted: (packet: Packet) => boolean): Promise<Packet> {
    await until(() => this.received.some(isWanted))
    return this.received.splice(this.received.findIndex(isWanted), 1)[0] as Packet
  }

  /** Resolves to the answer. */
  async ask (id: number, ...head: unknown[]): Promise<unknown> {
    this.send('request', id, head)
    return (await this.take((packet) => packet.id === id)).head
  }

  async closed (): Promise<void> {
    await until(() => this.isClosed)
  }
}

/** A hub whose answers the test gives. */
export class RawHub {
  readonly peers: RawPeer[] = []
  readonly server: Server
  readonly directory: HubDirectory

  constructor (path: string, directory: HubDirectory) {
    this.directory = directory
    this.server = createServer((socket) => this.peers.push(new RawPeer(socket)))
    this.server.listen(directory.socketAddress('s.raw'))
  }

  static async open (path: string): Promise<RawHub> {
    const directory = new HubDirectory(path)
    directory.prepare()
    const hub = new RawHub(path, directory)
    await once(hub.server, 'listening')
    directory.claim(1, 's.raw')
    return hub
  }

  /** The connection of this number, once it has said who it is. */
  async peer (number: number): Promise<RawPeer> {
    await until(() => this.peers.length > number)
    const peer = this.peers[number] as RawPeer
    await peer.take(({ kind }) => kind === 'hello')
    return peer
  }

  close (): void {
    this.server.close()
    for (const { socket } of this.peers) socket.destroy()
  }
}
