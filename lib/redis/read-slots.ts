import { Redis } from 'ioredis'
import type { ConnectionOptions } from './client-settings.ts'

type Slots = ReadonlyArray<readonly [first: number, last: number, ...nodes: Array<[host: string | null, port: number]>]>

/**
 * ioredis reads the list of slots over a copy of a connection. A node that does not know its own address has none in
 * that list, which means "the address that you asked". ioredis leaves such nodes out, so it is filled in. And the
 * errors of the copy are the only ones that tell why no node can be reached.
 */
export function readSlotsWith (node: Redis, failed: (error: Error) => void): void {
  node.duplicate = (override) => {
    const copy = new Redis({ ...node.options as ConnectionOptions, ...override as ConnectionOptions })
    copy.on('error', failed)
    const send = copy.cluster.bind(copy) as (subcommand: 'SLOTS', callback: SlotsCallback) => Promise<unknown>
    const cluster: typeof send = (subcommand, callback) => send(subcommand, (error, slots) => {
      if (slots?.length === 0) failed(new Error('CLUSTERDOWN no slots are assigned'))
      for (const [, , ...nodes] of slots ?? []) for (const one of nodes) one[0] ||= node.options.host as string
      callback(error, slots)
    })
    return Object.assign(copy, { cluster })
  }
}

type SlotsCallback = (error?: Error | null, slots?: Slots) => void
