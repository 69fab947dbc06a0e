/** `fastify-channels/testing`: helpers that speak the domain, so that no test sleeps. */
export { FakeClock } from './fake-clock.ts'
export { TestClient, UpgradeRefused, type Closed } from './test-client.ts'
