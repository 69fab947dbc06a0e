import { Type } from '@sinclair/typebox'
import fp from 'fastify-plugin'
import type { FastifyPluginAsync } from 'fastify'
import { channels, defineChannel, implement } from '../../../plugins/channels.ts'

const quiet = defineChannel({ pattern: 'quiet', fromClient: {}, fromServer: { rang: { payload: Type.Integer() } } })

/** What fastify-cli starts: a plugin. Its options become those of the server. */
export const options = { bodyLimit: 1_000 }

const plugin: FastifyPluginAsync = async (app) => {
  await app.register(fp(async (app) => {
    await app.register(channels, { asyncapi: { info: { title: 'Plugin', version: '1.0.0' } } })
  }))
  app.ws('/ws', { public: true }, [implement(quiet, { on: {} })])
}

export default plugin
