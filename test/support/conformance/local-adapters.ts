import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../../lib/clock.ts'
import { clusterTimings } from '../../../lib/cluster/timings.ts'
import { findHub } from '../../../lib/local/hub/find-hub.ts'
import { openHubDirectory } from '../../../lib/local/hub/hub-directory.ts'
import { LocalHub } from '../../../lib/local/hub/local-hub.ts'
import { LocalAdapter, type LocalAdapterOptions } from '../../../lib/local/local-adapter.ts'
import { silentLog } from '../silent-log.ts'
import { until } from '../until.ts'

/** The factor by which grace periods are shorter than in production. The lease is not: a crash ends the connection. */
export const timeScale = 0.04

/** Paths of hubs in a folder that is removed with the test. Each call returns another one. */
export function hubPaths (t: Pick<Test, 'teardown'>): () => string {
  const folder = mkdtempSync(join(tmpdir(), 'hub-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  let paths = 0
  return () => join(folder, `${++paths}`)
}

export function createAdapters (path: string, nodes: number, more: Partial<LocalAdapterOptions> = {}): LocalAdapter[] {
  const options = { path, clock: systemClock, log: silentLog, ...more }
  return Array.from({ length: nodes }, () => new LocalAdapter(options))
}

/** Resolves once all of them are on one hub, which has so many nodes. */
export function joined (adapters: readonly LocalAdapter[], nodes = adapters.length): Promise<void> {
  return until(() => adapters.every(({ status, liveNodes }) => status.state === 'up' && liveNodes === nodes))
}

/** A hub without a node of its own. */
export async function startHub (path: string): Promise<LocalHub> {
  const directory = openHubDirectory(path)
  const found = await findHub(directory)
  if (!('server' in found)) throw new Error('there is a hub already')
  const nothing = () => {}
  const reports = { malformed: nothing, nodesChanged: nothing, lost: nothing }
  const fixed = { directory, clock: systemClock, timings: clusterTimings, expectedNodes: 0 }
  return new LocalHub({ ...fixed, ...found, ...reports })
}
