/** A Lua script: what it does, its KEYS and ARGV are in the head of its file. */
export interface Script {
  readonly name: string
  readonly lua: string
  /** Replies hold Buffers, not strings. */
  readonly binary: boolean
}

/** A script with the Lua functions of `include` before it. `binary`: replies hold Buffers. Default: strings. */
export function script (name: string, lua: string, { binary = false, include = '' }: { binary?: boolean, include?: string } = {}): Script {
  return { name, binary, lua: include + lua }
}

/** Redis cannot be reached, or did not answer in time: whether a script had its effect is unknown. */
export class RedisUnavailable extends Error {}

/** How the adapter's parts talk to Redis: one atomic script at a time. */
export interface Commands {
  /**
   * Runs a script whose keys share one slot. Calls of one turn leave in one pipeline per master, in their order.
   * Rejects with `RedisAway`, at once where there is no connection; with Redis's own error when the script failed.
   */
  run (script: Script, keys: readonly string[], args: ReadonlyArray<string | number | Buffer>): Promise<unknown>
}
