import type { FastifyPluginAsync } from 'fastify'

/** A plugin that fails. */
const plugin: FastifyPluginAsync = async () => {
  throw new Error('no database')
}

/** As a module has it that was compiled to CommonJS. */
export default { default: plugin }
