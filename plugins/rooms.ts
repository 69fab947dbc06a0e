import fp from 'fastify-plugin'
import type { Node } from '../lib/server/node.ts'
import { ContractRooms, type Room, type RoomMember, type RoomsService } from '../lib/server/services/rooms-service.ts'

export type { Room, RoomMember, RoomsService }

declare module 'fastify' {
  interface FastifyInstance {
    /** Rooms of declared channels, for code outside their handlers. */
    readonly rooms: RoomsService
  }
}

/** `fastify.rooms` */
export const rooms = fp<{ node: Node }>(async (app, { node }) => {
  app.decorate('rooms', new ContractRooms(node))
}, { name: 'fastify-channels-rooms', fastify: '5.x' })
