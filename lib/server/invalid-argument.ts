import { ChannelsError } from '../protocol/errors.ts'

/**
 * A value that a call cannot take. Such values often come from a request, so the status is one of the client's
 * mistakes; that of a `UsageError` is 500.
 */
export class InvalidArgument extends ChannelsError {
  override readonly name = 'UsageError'

  constructor (message: string, statusCode = 400) {
    super('FST_CHANNELS_USAGE', message, statusCode)
  }
}

/** A mistyped option must not be ignored. @throws {InvalidArgument} unless it is an object of these members */
export function checkOptions (of: string, options: unknown, members: readonly string[]): void {
  if (typeof options === 'object' && options !== null && Object.keys(options).every((name) => members.includes(name))) {
    return
  }
  throw new InvalidArgument(`the options of ${of} are invalid: pass an object with '${members.join("', '")}' only`)
}

/** Params that name no channel of the contract. */
export class InvalidParams extends ChannelsError {
  override readonly name = 'InvalidParams'

  /** `path`: a JSON pointer into the params. */
  constructor (pattern: string, path: string, issue: string) {
    super('FST_CHANNELS_PARAMS', `invalid params${path} of the channel '${pattern}': ${issue}`, 400)
  }
}
