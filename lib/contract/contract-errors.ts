import { ChannelsError } from '../protocol/errors.ts'

/** A contract or an implementation that cannot be served. Thrown at registration. */
export class ContractError extends ChannelsError {
  override readonly name = 'ContractError'
  /**
   * The part of the contract that is wrong, such as `channel 'chat/:room', fromClient 'message.send', payload/text`.
   */
  readonly path: string

  /** `advice`: what to do about it. A question is joined with a semicolon, an instruction with a colon. */
  constructor (path: string, issue: string, advice: string) {
    super('FST_CHANNELS_CONTRACT', `${issue} in ${path}${advice.endsWith('?') ? ';' : ':'} ${advice}`, 500)
    this.path = path
  }
}

/** A payload, reply, error or snapshot that breaks its schema and was therefore not sent. */
export class OutgoingError extends ChannelsError {
  override readonly name = 'OutgoingError'
  /** The schema in the contract, followed by a JSON pointer into the value. */
  readonly path: string

  constructor (path: string, issue: string) {
    super('FST_CHANNELS_OUTGOING', `invalid outgoing value in ${path}: ${issue}`, 500)
    this.path = path
  }
}
