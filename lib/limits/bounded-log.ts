import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'

/** Lines of one kind in one window, for one connection. Enough to see a pattern. */
const linesPerWindow = 10

const windowMs = 60_000

type Level = 'info' | 'warn' | 'error'

interface Kind { readonly level: Level, readonly since: number, lines: number, suppressed: number }

/** The connection that lines are about. */
export interface LogOwner { readonly id: string, readonly userId: string | undefined }

/**
 * Bounds the lines that one connection can cause, because its messages arrive faster than a log can grow. The kind of a
 * line is its message. Lines of a child are the application's, and are not bounded.
 */
export class BoundedLog implements Logger {
  readonly #parent: Logger
  readonly #owner: LogOwner
  readonly #clock: Clock
  /** Made with the first line, because most connections have none. */
  #own: Logger | undefined
  #kinds: Map<string, Kind> | undefined

  /** @param owner named in each line */
  constructor (parent: Logger, owner: LogOwner, clock: Clock) {
    this.#parent = parent
    this.#owner = owner
    this.#clock = clock
  }

  info (details: object, message: string): void {
    this.#write('info', details, message)
  }

  warn (details: object, message: string): void {
    this.#write('warn', details, message)
  }

  error (details: object, message: string): void {
    this.#write('error', details, message)
  }

  child (bindings: object): Logger {
    return this.#log.child(bindings)
  }

  /** Says how many lines of each kind were suppressed, at their level. Call it when the connection is closed. */
  flush (): void {
    for (const [message, kind] of this.#kinds ?? []) this.#report(message, kind)
    this.#kinds = undefined
  }

  get #log (): Logger {
    const { id, userId } = this.#owner
    this.#own ??= this.#parent.child({ connection: id, user: userId })
    return this.#own
  }

  #write (level: Level, details: object, message: string): void {
    const kind = this.#kindOf(level, message)
    if (kind.lines >= linesPerWindow) {
      kind.suppressed++
      return
    }
    kind.lines++
    this.#log[level](details, message)
  }

  #kindOf (level: Level, message: string): Kind {
    this.#kinds ??= new Map()
    const now = this.#clock.now()
    const known = this.#kinds.get(message)
    if (known && now - known.since < windowMs) return known
    if (known) this.#report(message, known)
    const kind = { level, since: now, lines: 0, suppressed: 0 }
    this.#kinds.set(message, kind)
    return kind
  }

  #report (message: string, { level, suppressed }: Kind): void {
    if (suppressed > 0) this.#log[level]({ suppressed, line: message }, 'log lines of a connection were suppressed')
  }
}
