import type { UntypedClient } from '../client/typed/typed-client.ts'
import type { AnyChannel } from '../contract/define-channel.ts'
import type { Params } from '../contract/pattern.ts'
import { ChannelsError } from '../protocol/errors.ts'
import { StateStore } from './state-store.ts'

export type UntypedChannel = Awaited<ReturnType<UntypedClient['join']>>

/** The listeners that a component passed at its latest render. */
export interface CurrentListeners {
  readonly on?: Readonly<Record<string, ((...message: never[]) => void) | undefined>>
  readonly onResync?: ((resync: never) => void) | 'ignore' | undefined
}

/** What a component knows of its channel. */
export interface ChannelView {
  readonly status: 'disabled' | 'joining' | 'joined' | 'failed' | 'left'
  readonly channel: UntypedChannel | undefined
  readonly error: ChannelsError | undefined
  readonly rejoin: () => void
}

export interface ChannelStoreDeps {
  readonly client: UntypedClient
  readonly target: string | AnyChannel
  readonly params: Params
  readonly isEnabled: boolean
  /** Returns the listeners of the latest render, so that new ones need no new join. */
  readonly listeners: () => CurrentListeners
}

/** After these failures of a join the next open connection may bring success. */
const temporaryCodes = ['closed', 'disconnected', 'timeout', 'unavailable']

/** The handle that one component has of its channel, from mount to unmount. */
export class ChannelStore {
  readonly #deps: ChannelStoreDeps
  readonly #types = new Set<string>()
  /** The view that the component shows. */
  readonly view: StateStore<ChannelView>
  #isMounted = false
  /** Ends the join, or the handle that it brought, and what listens for the state of the client. */
  #end: (() => void) | undefined

  constructor (deps: ChannelStoreDeps) {
    this.#deps = deps
    this.view = new StateStore(this.#viewOf(deps.isEnabled ? 'joining' : 'disabled'))
  }

  /**
   * Joins the channel. The returned function leaves it. Both happen in a microtask, because a component may be mounted
   * and unmounted several times in one step, as by React's StrictMode: only the end of the step counts. Otherwise a
   * storm of mounts would exceed the server's limit of joins.
   */
  mount (): () => void {
    this.#setMounted(this.#deps.isEnabled)
    return () => this.#setMounted(false)
  }

  /** Listens for the types of messages that the latest render added. */
  listen (): void {
    const { channel } = this.view.value()
    if (channel) for (const [type, listener] of Object.entries(this.#newListeners())) channel.on(type, listener)
  }

  #setMounted (isMounted: boolean): void {
    this.#isMounted = isMounted
    queueMicrotask(() => {
      if (this.#isMounted && !this.#end) this.#join()
      // After the joins of the same step, so that one component can take over the membership of another.
      else queueMicrotask(() => { if (!this.#isMounted) this.#leave() })
    })
  }

  #join (): void {
    this.#leave()
    const joining = new AbortController()
    const { client, target, params } = this.#deps
    const stop = client.onState((state) => {
      if (state === 'open' && temporaryCodes.includes(this.view.value().error?.code ?? '')) this.#join()
    })
    this.#end = () => {
      stop()
      joining.abort()
    }
    this.#show('joining')
    const options = { on: this.#newListeners(), onResync: this.#onResync, signal: joining.signal }
    client.join(target, params, options).then(
      (channel) => this.#joined(channel, joining.signal),
      (error: ChannelsError) => this.#failed(error, joining.signal)
    )
  }

  #joined (channel: UntypedChannel, signal: AbortSignal): void {
    const leave = () => { channel.leave() }
    if (signal.aborted) return leave()
    signal.addEventListener('abort', leave)
    channel.onLeft(({ code }) => {
      const error = new ChannelsError(code, `the server ended the membership in '${channel.address}': ${code}`, 500)
      this.#show('left', undefined, error)
    })
    this.#show('joined', channel)
    this.listen()
  }

  /** Joins again when the server says after which time that makes sense. */
  #failed (error: ChannelsError & { readonly retryAfter?: number | undefined }, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#show('failed', undefined, error)
    if (error.retryAfter === undefined) return
    const timer = setTimeout(() => this.#join(), error.retryAfter)
    signal.addEventListener('abort', () => clearTimeout(timer))
  }

  #leave (): void {
    this.#end?.()
    this.#end = undefined
    this.#types.clear()
  }

  readonly #onResync = (resync: unknown): void => {
    const { onResync } = this.#deps.listeners()
    if (this.#isMounted && typeof onResync === 'function') onResync(resync as never)
  }

  /** Listeners for the types that have none yet. Each calls the listener that the latest render passed. */
  #newListeners (): Record<string, (...message: unknown[]) => void> {
    const types = Object.keys(this.#deps.listeners().on ?? {}).filter((type) => !this.#types.has(type))
    return Object.fromEntries(types.map((type) => {
      this.#types.add(type)
      return [type, (...message: unknown[]) => {
        if (this.#isMounted) this.#deps.listeners().on?.[type]?.(...message as never[])
      }]
    }))
  }

  #show (status: ChannelView['status'], channel?: UntypedChannel, error?: ChannelsError): void {
    this.view.set(this.#viewOf(status, channel, error))
  }

  #viewOf (status: ChannelView['status'], channel?: UntypedChannel, error?: ChannelsError): ChannelView {
    return { status, channel, error, rejoin: this.#rejoin }
  }

  readonly #rejoin = (): void => {
    if (this.#isMounted && this.view.value().error) this.#join()
  }
}
