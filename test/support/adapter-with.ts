import type { Adapter } from '../../lib/cluster/adapter.ts'
import { MemoryAdapter } from '../../lib/memory/memory-adapter.ts'

type Ports = 'pubsub' | 'history' | 'presence' | 'idempotency' | 'quota' | 'nodes'

/** Calls of an adapter's ports, and whatever else of it is to differ. */
export type Replacements =
  & { readonly [P in Ports]?: Partial<Adapter[P]> }
  & { readonly status?: Adapter['status'] }

/** Replaces some calls of an adapter, by default a memory adapter of its own. */
export function adapterWith (
  { status, ...ports }: Replacements, adapter: MemoryAdapter = new MemoryAdapter()
): MemoryAdapter {
  for (const [port, calls] of Object.entries(ports)) Object.assign(adapter[port as Ports], calls)
  return status ? Object.assign(adapter, { status }) : adapter
}
