import type { Clock } from '../../clock.ts'
import type { AnyChannel, Channel } from '../../contract/define-channel.ts'
import type { Handler } from '../../server/implement.ts'

type TypesOf<C extends AnyChannel> = C extends AnyChannel ? keyof C['definition']['fromClient'] & string : never
type HandlerOf<C extends AnyChannel, K> = C extends Channel<infer D>
  ? K extends keyof D['fromClient'] & string ? Handler<D, K> : never
  : never

/** Handlers by message type, in place of answers that are made from the schemas. */
export type MockHandlers<C extends AnyChannel> = { readonly [K in TypesOf<C>]?: HandlerOf<C, K> }

/** The options of a mock server. */
export interface MockOptions<C extends AnyChannel = AnyChannel> {
  /**
   * Handlers for some messages. They are written as those of the real server.
   * @default every message is answered with a reply that is made from its schema
   */
  readonly on?: MockHandlers<C> | undefined
  /**
   * Makes the same values in the same order.
   * @default 1
   */
  readonly seed?: number | undefined
  /**
   * The TCP port.
   * @default 0: one that is free
   */
  readonly port?: number | undefined
  /**
   * The address to listen on.
   * @default '127.0.0.1': only programs of this machine can connect
   */
  readonly host?: string | undefined
  /**
   * Origins whose pages may connect: pages of this machine, such as `http://localhost:5173`, or all pages.
   * @default 'loopback'
   */
  readonly origins?: 'loopback' | '*' | undefined
  /**
   * Milliseconds between two messages that the mock sends by itself to each channel with members. 0: it sends none.
   * @default 5_000
   */
  readonly every?: number | undefined
  /**
   * Messages in the history of a channel before its first member joins.
   * @default 5
   */
  readonly history?: number | undefined
  /**
   * Users who are present in a channel beside the connected ones.
   * @default 2
   */
  readonly users?: number | undefined
  /**
   * Takes the errors of your handlers. Their messages are answered `internal`, as by the real server.
   * @default errors are ignored
   */
  readonly onError?: ((error: unknown) => void) | undefined
  /** A clock for tests. */
  readonly clock?: Clock | undefined
}
