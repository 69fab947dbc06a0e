import type { Adapter } from '../../lib/cluster/adapter.ts'
import { MemoryAdapter } from '../../lib/memory/memory-adapter.ts'

type Ports = 'pubsub' | 'history' | 'presence' | 'idempotency' | 'quota' | 'nodes'

/** Replacements of calls of an adapter's ports, and of its status. */
export type Replacements =
  & { readonly [P in Ports]?: Partial<Adapter[P]> }
  & { readonly status?: Adapter['status'] }

/** Replaces calls of an adapter. Default: a new memory adapter. */
export function adapterWith (
  { status, ...ports }: Replacements, adapter: MemoryAdapter = new MemoryAdapter()
): MemoryAdapter {
  for (const [port, calls] of Object.entries(ports)) Object.assign(adapter[port as Ports], calls)
  return status ? Object.assign(adapter, { status }) : adapter
}
