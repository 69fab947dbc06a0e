/** What one node was told, in order; waits for events, never for a time. */
export class EventRecorder<T> {
  readonly #byChannel = new Map<string, T[]>()
  #waiting: Array<() => void> = []

  push (channel: string, item: T): void {
    this.#byChannel.set(channel, [...this.of(channel), item])
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  of (channel: string): T[] {
    return this.#byChannel.get(channel) ?? []
  }

  /** Resolves once something of the channel is as wanted, to all that came before it. */
  async until (channel: string, isWanted: (item: T) => boolean): Promise<T[]> {
    while (!this.of(channel).some(isWanted)) await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    return this.of(channel).slice(0, this.of(channel).findIndex(isWanted))
  }
}
