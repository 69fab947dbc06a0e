import type { Clock } from '../../clock.ts'
import { matchPattern, type Params, type Pattern } from '../../contract/pattern.ts'
import { logError, type Logger } from '../../logger.ts'
import type { EncodedMessage } from '../../protocol/encoding.ts'
import { addressIn } from '../../protocol/envelope.ts'
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

/** The refusal of an append whose entry stands. It is safe to append it again under its id. */
export function unavailableAfterAppend (offset: number): MessageError {
  const { code, message, retryAfter } = refusal('unavailable')
  return new MessageError(code, message, undefined, retryAfter, offset)
}

/**
 * The `onAppend` functions of the channels of one contract, and of those that share them: one for each route that
 * implements a contract with one.
 */
export class AppendHooks {
  readonly #deps: AppendHooksDeps
  /** Each with the pattern of its contract: those of contracts that share have params of other names. */
  readonly #hooks = new Map<AppendHook, Pattern>()

  constructor (deps: AppendHooksDeps) {
    this.#deps = deps
  }

  get isEmpty (): boolean {
    return this.#hooks.size === 0
  }

  add (hook: AppendHook | undefined, pattern: Pattern): void {
    if (hook) this.#hooks.set(hook, pattern)
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
      throw unavailableAfterAppend(offset)
    }
  }

  async #runAll (channel: string, appended: Appended, encoded: EncodedMessage): Promise<void> {
    const { type, payload } = JSON.parse(encoded.toString()) as { type: string, payload: unknown }
    const entry = { ...appended, type, payload }
    const address = addressIn(channel)
    await Promise.all([...this.#hooks].map(async ([hook, pattern]) =>
      hook(entry, { channel, params: matchPattern(pattern, address) as Params })))
  }
}
