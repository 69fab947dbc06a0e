/**
 * `fastify-channels/testing`: a clock that a test moves, a client that waits for messages, a cluster in one process,
 * tests of a contract, a mock server, and the conformance suite for adapters.
 */
export { adapterConformance, type Cluster, type ConformanceTest, type MakeCluster } from './adapter-conformance.ts'
export {
  contractTests, BrokenContract, type ContractTest, type ContractTestOptions, type ForbiddenJoin
} from './contract-tests.ts'
export {
  simulatedCluster, type ClusterApp, type SimulatedCluster, type SimulatedClusterOptions
} from './cluster/simulated-cluster.ts'
export { FakeClock } from './fake-clock.ts'
export type { Injectable } from './injected-connection.ts'
export { TestClient, UpgradeRefused, type Closed } from './test-client.ts'
export { mockServer, type MockHandlers, type MockOptions, type MockServer } from '../tools/mock/mock-server.ts'
