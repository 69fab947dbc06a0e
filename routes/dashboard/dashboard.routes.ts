import type { FastifyPluginAsync } from 'fastify'
import { systemClock, type Clock } from '../clock.ts'
import { implement } from 'fastify-channels'
import { metrics } from './dashboard.contract.ts'
import { Publisher } from './publisher.ts'
import type { Sampler } from './sampler.ts'

export interface DashboardOptions {
  /** The plugin's option `report` returns its newest sample to the other nodes. */
  readonly sampler: Sampler
  readonly clock?: Clock
  readonly random?: () => number
}

/** The dashboard: `/ws/dashboard` serves the channel `metrics`. It is public because a demo has no secrets. */
export const dashboardRoutes: FastifyPluginAsync<DashboardOptions> = async (app, options) => {
  const { sampler, clock = systemClock, random = Math.random } = options
  app.ws('/ws/dashboard', { public: true }, [implement(metrics, { on: {} })])
  const publisher = new Publisher({
    node: app.channels.status().node,
    room: app.rooms.of(metrics),
    nodes: () => app.registry.nodes(),
    clock,
    random,
    failed: (err) => app.log.debug({ err }, 'the dashboard misses a second')
  })
  app.addHook('onReady', async () => {
    sampler.start()
    publisher.start()
  })
  app.addHook('onClose', async () => {
    publisher.stop()
    sampler.stop()
  })
}
