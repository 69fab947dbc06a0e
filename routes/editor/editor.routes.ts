import type { FastifyPluginAsync } from 'fastify'
import { editorHandlers } from './editor.handlers.ts'

/** The editor: `/ws/editor` serves channels `doc/<id>`. */
export const editorRoutes: FastifyPluginAsync = async (app) => {
  app.ws('/ws/editor', {}, [editorHandlers(app.rooms)])
}
