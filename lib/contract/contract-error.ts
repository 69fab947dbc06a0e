/** A contract that cannot be served. `spot` says where: `channel 'chat/:room': fromClient 'message.send' payload/text`. */
export class ContractError extends Error {
  readonly code = 'contract_invalid'
  readonly path: string

  constructor (spot: string, fault: string) {
    super(`${spot} ${fault}`)
    this.path = spot
  }
}
