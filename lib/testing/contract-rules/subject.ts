import type { AnyChannel, FromClientDefinition } from '../../contract/define-channel.ts'
import { exampleOf } from '../../contract/examples/example.ts'
import { seededRandom, type Random } from '../../contract/examples/random.ts'
import { addressOf, type Params } from '../../contract/pattern.ts'
import { closeSchema } from '../../contract/schema/close-schema.ts'
import type { SchemaNode } from '../../contract/schema/schema-node.ts'
import type { TypeBoxSchema } from '../../contract/schema/typebox-schema.ts'
import type { Injectable } from '../injected-connection.ts'

/** A user, and the channel that this user may not join. */
export interface ForbiddenJoin {
  /** @default that of the first user */
  readonly token?: string
  /** @default the params of the test */
  readonly params?: Params
}

/** How the server is reached, and what the contract does not say. */
export interface ContractTestOptions<Type extends string = string> {
  /** The path of the WebSocket route, such as `/ws/chat`. */
  readonly path: string
  /**
   * The tokens of the users: of the user with this number, or one for all. Tests need several users where messages have
   * rates.
   * @default none: the route is public
   */
  readonly token?: string | ((user: number) => string | Promise<string>) | undefined
  /** Further headers of the upgrade, such as cookies. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * The params of the channel. No one else should use it during the tests.
   * @default random ones
   */
  readonly params?: Params | undefined
  /**
   * Valid payloads by message type, for handlers that need more than the schema says. They replace the random ones.
   * @default random payloads
   */
  readonly payloads?: { readonly [K in Type]?: readonly unknown[] } | undefined
  /** Message types that no test sends. */
  readonly skip?: readonly Type[] | undefined
  /** Joins that have to be refused. */
  readonly forbidden?: readonly ForbiddenJoin[] | undefined
  /**
   * Random payloads in each test.
   * @default 20
   */
  readonly runs?: number | undefined
  /**
   * Makes the same payloads again.
   * @default a random one, which every error names
   */
  readonly seed?: number | undefined
  /**
   * Milliseconds that a reply may take.
   * @default 5_000
   */
  readonly timeout?: number | undefined
  /**
   * Waits until a rate limit lets a message through. Pass `(ms) => clock.advanceAsync(ms)` for a server with a fake
   * clock.
   * @default time passes by itself
   */
  readonly wait?: ((ms: number) => Promise<unknown>) | undefined
}

/** The contract and the server under test. */
export class Subject {
  readonly app: Injectable | string
  readonly contract: AnyChannel
  readonly options: ContractTestOptions
  readonly seed: number
  readonly runs: number
  readonly timeoutMs: number
  readonly random: Random
  /** Undefined for the contract of a connection. */
  readonly channel: string | undefined
  readonly #closed = new Map<TypeBoxSchema, SchemaNode>()
  #users = 0

  constructor (app: Injectable | string, contract: AnyChannel, options: ContractTestOptions) {
    const { seed = Math.floor(Math.random() * 2 ** 31), runs = 20, timeout = 5_000, params } = options
    this.app = app
    this.contract = contract
    this.options = options
    this.seed = seed
    this.runs = runs
    this.timeoutMs = timeout
    this.random = seededRandom(seed)
    const { pattern, definition } = contract
    this.channel = pattern === '' ? undefined : addressOf(pattern, params ?? this.#params(definition.params))
  }

  #params (schema: TypeBoxSchema | undefined): Params {
    return schema === undefined ? {} : exampleOf(schema, `channel '${this.contract.pattern}', params`, this) as Params
  }

  /** The types of the messages that the tests send. */
  get types (): string[] {
    const { skip = [] } = this.options
    return Object.keys(this.contract.definition.fromClient).filter((type) => !skip.includes(type))
  }

  /** The schema with closed objects: an undeclared property is a leak. */
  closed (schema: TypeBoxSchema): SchemaNode {
    const closed = this.#closed.get(schema) ?? closeSchema(schema, `channel '${this.contract.pattern}'`)
    this.#closed.set(schema, closed)
    return closed
  }

  /** A valid payload of a message; undefined where it has none. */
  payload (type: string): unknown {
    const given = this.options.payloads?.[type]
    if (given) return given[Math.floor(this.random() * given.length)]
    const { payload } = this.contract.definition.fromClient[type] as FromClientDefinition
    return payload && exampleOf(payload, `message '${type}', payload`, this)
  }

  /** The token of another user than before, if the option `token` has several. */
  async nextToken (): Promise<string | undefined> {
    const { token } = this.options
    return typeof token === 'function' ? token(this.#users++) : token
  }

  /** Waits until a rate limit may let a message through. */
  async wait (ms: number): Promise<void> {
    const { wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)) } = this.options
    await wait(ms)
  }
}
