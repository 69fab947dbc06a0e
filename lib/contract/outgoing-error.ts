import { ChannelsError } from '../protocol/errors.ts'

/** A payload, reply, error or snapshot that breaks its schema and was therefore not sent. */
export class OutgoingError extends ChannelsError {
  override readonly name = 'OutgoingError'
  readonly path: string

  constructor (path: string, issue: string) {
    super('FST_CHANNELS_OUTGOING', `${path}: ${issue}`, 500)
    this.path = path
  }
}
