import type { Clock } from '../../clock.ts'
import type { CompiledChannel } from '../../contract/compile.ts'
import { matchPattern, type Params } from '../../contract/pattern.ts'
import { logError, type Logger } from '../../logger.ts'
import type { EncodedMessage } from '../../protocol/encoding.ts'
import { MessageError, refusal } from '../../protocol/errors.ts'
import type { ErasedImplementation } from '../implement.ts'
import type { Appended } from '../history-types.ts'
import { withTimeout } from '../with-timeout.ts'

type AppendHook = NonNullable<ErasedImplementation['onAppend']>

export interface AppendHooksDeps {
  readonly clock: Clock
  readonly log: Logger
  /** Milliseconds that the functions may take. */
  readonly handlerTimeout: number
}

/** The `onAppend` functions of one contract: one for each route that implements it with one. */
export class AppendHooks {
  readonly #pattern: CompiledChannel['pattern']
  readonly #deps: AppendHooksDeps
  readonly #hooks = new Set<AppendHook>()

  constructor ({ pattern }: CompiledChannel, deps: AppendHooksDeps) {
    this.#deps = deps
    this.#pattern = pattern
  }

  get isEmpty (): boolean {
    return this.#hooks.size === 0
  }

  add (hook: AppendHook | undefined): void {
    if (hook) this.#hooks.add(hook)
  }

  /**
   * Resolves once all of them are done.
   *
   * @throws {MessageError} `unavailable`, with the offset of the entry, when one fails or takes too long
   */
  async run (channel: string, appended: Appended, encoded: EncodedMessage): Promise<void> {
    const { clock, log, handlerTimeout } = this.#deps
    try {
      await withTimeout(clock, handlerTimeout, this.#runAll(channel, appended, encoded))
    } catch (err) {
      const { offset } = appended
      logError(log, { channel, offset }, err, 'onAppend() failed: its message was appended')
      const { code, message, retryAfter } = refusal('unavailable')
      throw new MessageError(code, message, undefined, retryAfter, offset)
    }
  }

  async #runAll (channel: string, appended: Appended, encoded: EncodedMessage): Promise<void> {
    const { type, payload } = JSON.parse(encoded.toString()) as { type: string, payload: unknown }
    const entry = { ...appended, type, payload }
    const params = matchPattern(this.#pattern, channel) as Params
    await Promise.all([...this.#hooks].map(async (hook) => hook(entry, { channel, params })))
  }
}
