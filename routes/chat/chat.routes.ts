import type { FastifyPluginAsync } from 'fastify'
import { chatHandlers } from './chat.handlers.ts'

/** The chat: `/ws/chat` serves channels `chat/<room>`. */
export const chatRoutes: FastifyPluginAsync = async (app) => {
  app.ws('/ws/chat', {}, [chatHandlers])
}
