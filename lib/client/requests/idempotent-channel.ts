/** The channel of an idempotent message decides when the message is sent, and sent again. */
export interface IdempotentChannel {
  /** Whether the channel is joined and has not failed for now. */
  readonly canSend: boolean
  readonly hasEnded: boolean
  /** A message failed for now. `afterMs`: the wait that the server asks for. */
  delay (afterMs: number | undefined): void
  /** A message was answered. */
  answered (): void
}
