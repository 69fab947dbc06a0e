import { AdapterUnavailable } from '../../cluster/adapter.ts'
import type { AdapterEvents } from '../../cluster/events.ts'

const unavailable = () => new AdapterUnavailable('the node is cut off from the others')

/** Whether a node is cut off from the others. */
export class Cut {
  /** Milliseconds since 1970, while it is cut off. */
  since: number | undefined

  get isCut (): boolean {
    return this.since !== undefined
  }

  /** The same port. Its calls reject while the node is cut off. */
  guarded<Port extends object> (port: Port): Port {
    return new Proxy(port, {
      get: (_, name) => async (...args: unknown[]) => {
        if (this.isCut) throw unavailable()
        return Reflect.apply(Reflect.get(port, name) as (...args: unknown[]) => unknown, port, args)
      }
    })
  }

  /** The same events. None reaches the node while it is cut off. */
  filtered (events: AdapterEvents): AdapterEvents {
    return new Proxy(events, {
      get: (_, name: keyof AdapterEvents) => (...args: never[]) => {
        if (!this.isCut) return (events[name] as (...args: never[]) => unknown)(...args)
        if (name === 'requested') throw unavailable()
      }
    })
  }
}
