import { parentPort, workerData } from 'node:worker_threads'
import { WebSocket } from 'ws'
import { blockClients, type BlockedRun } from './blocked-client.ts'

// Clients in a thread of their own, because their server must not be blocked.

const cell = new Int32Array(new SharedArrayBuffer(4))

parentPort?.postMessage(await blockClients({
  ...workerData as Pick<BlockedRun, 'url' | 'room' | 'token' | 'blocks' | 'speed'>,
  WebSocket: WebSocket as unknown as BlockedRun['WebSocket'],
  block: (ms) => { Atomics.wait(cell, 0, 0, ms) }
}))
