import { randomUUID } from 'node:crypto'
import { systemClock, type Clock } from '../../clock.ts'
import type { AnyChannel } from '../../contract/define-channel.ts'
import { seededRandom } from '../../contract/examples/random.ts'
import { defaultLimits } from '../../limits/limits.ts'
import type { Logger } from '../../logger.ts'
import { MemoryAdapter, MemoryHub } from '../../memory/memory-adapter.ts'
import { Node } from '../../server/node.ts'
import { Router } from '../../server/router.ts'
import { MockChannel } from './mock-channel.ts'
import { listen, maxPayload, type Accept } from './mock-http.ts'
import type { MockHandlers, MockOptions } from './mock-options.ts'
import { tokenOf, userOf } from './mock-user.ts'

export type { MockHandlers, MockOptions }

/** A running mock. */
export interface MockServer {
  /** Where clients connect, such as `ws://127.0.0.1:4000`. Every path serves all contracts. */
  readonly url: string
  /** Sends the next message to every channel with members now, whatever the option `every` says. */
  push (): Promise<void>
  /** Closes the connections and the server. What it kept is lost: a next mock has other histories. */
  close (): Promise<void>
}

const ignore = () => {}

/** Nothing but errors of handlers is of interest. */
function loggerOf (onError: (error: unknown) => void): Logger {
  const error = (details: { readonly err?: unknown }) => onError(details.err)
  const logger: Logger = { info: ignore, warn: ignore, error, child: () => logger }
  return logger
}

/** The defaults of the plugin. A close waits for nobody. */
const nodeOptions = {
  handlerTimeout: 30_000,
  receiveQueueLimit: 64,
  presenceGrace: 3_000,
  protocolErrors: { max: 10, timeWindow: 60_000 },
  heartbeat: { interval: 30_000, timeout: 10_000 },
  drain: { wait: 0, spread: 0, timeout: 0 }
}

/**
 * Starts a server from contracts alone, for the work on a front end: it answers with values made from the schemas and
 * sends messages by itself. Validation, presence, history, recovery and limits are those of the real server. It accepts
 * every token, so it is not for production.
 *
 * @throws {ContractError} for an invalid contract, and for a schema of which no example is found
 * @example
 * const mock = await mockServer(chat, { port: 4000, on: { typing: () => {} } })
 */
export async function mockServer<C extends AnyChannel> (
  contracts: C | readonly C[], options: MockOptions<C> = {}
): Promise<MockServer> {
  const { seed = 1, history = 5, users = 2, every = 5_000, clock = systemClock, on = {} } = options
  const { onError = ignore } = options
  const node = new Node(nodeOptions, new MemoryAdapter(new MemoryHub(clock)), clock, loggerOf(onError))
  const settings = { on, random: seededRandom(seed), history, users }
  const channels = [contracts].flat().map((contract) => new MockChannel(contract, node, settings))
  const router = routerOf(channels, node)
  await node.start()
  const { url, stop } = await listen(options, acceptor(node, router))
  const push = async () => { for (const channel of channels) await channel.push() }
  const stopPushes = repeat(clock, every, push)
  const close = async () => {
    stopPushes()
    stop()
    await node.close()
  }
  return { url, push, close }
}

function routerOf (channels: readonly MockChannel[], node: Node): Router {
  const own = channels.find(({ contract }) => contract.pattern === '')
  const implemented = channels.map(({ contract: channel, implementation }) => ({ channel, implementation }))
  return new Router(implemented, node.contracts, {
    messageBytes: maxPayload,
    limits: defaultLimits,
    ...(own && { connected: (ctx) => own.addConnection(ctx), disconnected: (ctx) => own.removeConnection(ctx) })
  })
}

function acceptor (node: Node, router: Router): Accept {
  return (webSocket, request) => {
    const user = userOf(tokenOf(request))
    const credentials = { userId: user.id, user, expiresAt: undefined, jti: undefined }
    const ip = request.socket.remoteAddress as string
    const quotas = { release: ignore }
    const identity = { ...credentials, id: randomUUID(), ip, quotas, verify: async () => credentials }
    node.accept(webSocket, request.socket, identity, router, node.log)
  }
}

/** Calls `fn` at this interval, and again after it failed. Returns a function that ends it. */
function repeat (clock: Clock, intervalMs: number, fn: () => Promise<void>): () => void {
  if (intervalMs === 0) return () => {}
  let timer: unknown
  const later = () => { timer = clock.setTimeout(() => fn().then(later, later), intervalMs) }
  later()
  return () => clock.clearTimeout(timer)
}
