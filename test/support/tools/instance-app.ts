import fastify from 'fastify'

/** An application without the plugin. `closed` resolves with its end. */
export const app = fastify()

export const closed = new Promise<void>((resolve) => {
  app.addHook('onClose', async () => resolve())
})
