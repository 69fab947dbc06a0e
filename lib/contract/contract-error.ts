import { ChannelsError } from '../protocol/errors.ts'

/** A contract that cannot be served. `path` says where: `channel 'chat/:room': fromClient 'message.send' payload/text`. */
export class ContractError extends ChannelsError {
  override readonly name = 'ContractError'
  readonly path: string

  constructor (path: string, issue: string) {
    super('FST_CHANNELS_CONTRACT', `${path} ${issue}`, 500)
    this.path = path
  }
}
