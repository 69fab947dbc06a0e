/** `fastify-channels/testing`: helpers that speak the domain, so that no test sleeps. */
export { adapterConformance, type Cluster, type ConformanceTest, type MakeCluster } from './adapter-conformance.ts'
export { FakeClock } from './fake-clock.ts'
export { TestClient, UpgradeRefused, type Closed } from './test-client.ts'
