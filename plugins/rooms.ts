import fp from 'fastify-plugin'
import type { Node } from '../lib/dispatch/node.ts'
import { RoomsOfContracts, type RoomHandle, type RoomMember, type RoomsService } from '../lib/dispatch/rooms-service.ts'

export type { RoomHandle, RoomMember, RoomsService }

declare module 'fastify' {
  interface FastifyInstance {
    /** Rooms of declared channels, for code outside their handlers. */
    readonly rooms: RoomsService
  }
}

/** `fastify.rooms` */
export const rooms = fp<{ node: Node }>(async (app, { node }) => {
  app.decorate('rooms', new RoomsOfContracts(node))
}, { name: 'fastify-channels-rooms', fastify: '5.x' })
