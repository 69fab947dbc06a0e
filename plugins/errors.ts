import { maxMetadataBytes } from '../lib/connection/metadata.ts'
import { suggestion } from '../lib/contract/option-checks.ts'
import { ChannelsError } from '../lib/protocol/errors.ts'

/** At registration: an option of the plugin or of a route is wrong. */
export class InvalidOptions extends ChannelsError {
  constructor (problem: string) {
    super('FST_CHANNELS_OPTIONS', problem, 500)
  }
}

/** At registration: `app.ws` was not called with a URL, options and implemented contracts. */
export class InvalidRoute extends ChannelsError {
  constructor (url: string, problem: string) {
    super('FST_CHANNELS_ROUTE', `wrong arguments for the route '${url}': ${problem}`, 500)
  }
}

/** At registration: the server has the plugin already. */
export class AlreadyRegistered extends ChannelsError {
  constructor () {
    super('FST_CHANNELS_ALREADY_REGISTERED',
      'fastify-channels is already registered on this server: register it once, before the plugins that use it', 500)
  }
}

/** At registration: the application has a decorator of this name. */
export class DecoratorTaken extends ChannelsError {
  constructor (name: string, remedy: string) {
    super('FST_CHANNELS_DECORATOR_TAKEN', `the application already has the decorator '${name}': ${remedy}`, 500)
  }
}

/** At registration: the option `redis` names a client that @fastify/redis does not have. */
export class NoSuchRedis extends ChannelsError {
  constructor (namespace: string) {
    super('FST_CHANNELS_NO_SUCH_REDIS',
      `@fastify/redis has no namespace '${namespace}': register it before fastify-channels`, 500)
  }
}

/** At registration: nothing decides who may connect. */
export class UnprotectedRoute extends ChannelsError {
  /** @param namespaces those of @fastify/jwt, of which the route has to name one */
  constructor (url: string, namespaces: readonly string[]) {
    const named = `pass 'jwt' with one of the namespaces '${namespaces.join("', '")}', or`
    const remedy = namespaces.length > 0 ? named : "register @fastify/jwt before fastify-channels, pass 'jwt' or"
    super('FST_CHANNELS_UNPROTECTED_ROUTE',
      `nothing protects the route '${url}': ${remedy} 'identify', or set 'public: true'`, 500)
  }
}

/** At registration: the application registered @fastify/websocket. */
export class WebSocketRegistered extends ChannelsError {
  constructor () {
    super('FST_CHANNELS_WEBSOCKET_REGISTERED', '@fastify/websocket is already registered: remove that registration, ' +
      "because fastify-channels registers it, and pass its options as 'websocket'", 500)
  }
}

/** At an upgrade: the user has no id. */
export class NoUserId extends ChannelsError {
  constructor () {
    super('FST_CHANNELS_NO_USER_ID',
      "the user has neither 'id' nor 'sub': pass 'userId', a function that returns the id of a user", 500)
  }
}

/** At an upgrade: the route's `metadata` returned something else than metadata. */
export class InvalidMetadata extends ChannelsError {
  constructor (url: string) {
    super('FST_CHANNELS_METADATA', `'metadata' of the route '${url}' returned no flat object of texts, numbers and ` +
      `booleans within ${maxMetadataBytes} bytes: return less`, 500)
  }
}

/**
 * The refusal of an upgrade, which a client can cause. It has no stack trace, because Fastify would log it each time.
 */
class RefusedUpgrade extends ChannelsError {
  constructor (code: string, message: string, statusCode: number) {
    super(code, message, statusCode)
    this.stack = `${this.name}: ${message}`
  }
}

/** A refusal after which a further try makes sense. */
export class RefusedForNow extends RefusedUpgrade {
  /** Milliseconds. */
  readonly retryAfter: number

  constructor (code: string, message: string, statusCode: number, retryAfter: number) {
    super(code, message, statusCode)
    this.retryAfter = retryAfter
  }

  /** The header `Retry-After`, which counts seconds (RFC 9110 section 10.2.3). */
  get retryAfterSeconds (): number {
    return Math.ceil(this.retryAfter / 1_000)
  }
}

export class BadHandshake extends RefusedUpgrade {
  constructor (problem: string) {
    super('FST_CHANNELS_BAD_HANDSHAKE', problem, 400)
  }
}

export class ContractMismatch extends RefusedUpgrade {
  constructor (url: string, given: string, own: string) {
    super('FST_CHANNELS_CONTRACT_MISMATCH',
      `The client was built with the contract '${given}', and the route '${url}' has '${own}': update the client, or ` +
      "list its contract in 'previousContracts'.", 400)
  }
}

export class Unauthenticated extends RefusedUpgrade {
  /** For the log. The client is not told, because a stranger could learn from it. */
  readonly reason: string

  constructor (reason: string) {
    super('FST_CHANNELS_UNAUTHENTICATED', 'Authentication is required: send a valid token.', 401)
    this.reason = reason
  }
}

export class ClientRefused extends RefusedUpgrade {
  constructor (statusCode = 401, message = "The option 'verifyClient' of the server refuses this client.") {
    super('FST_CHANNELS_CLIENT_REFUSED', message, statusCode)
  }
}

export class ForbiddenOrigin extends RefusedUpgrade {
  /** `own`: what the origin was compared with, where no origins are listed. */
  constructor (origin: string, own: string, isOwnOnly: boolean) {
    const sent = origin.length > 100 ? `${origin.slice(0, 100)}…` : origin
    super('FST_CHANNELS_FORBIDDEN_ORIGIN', isOwnOnly
      ? `The origin '${sent}' is not that of this server, '${own}': add it to the option 'origins', or let the proxy ` +
        "pass on Host, and set 'trustProxy'."
      : `The option 'origins' of the server '${own}' does not allow the origin '${sent}': add it.`, 403)
  }
}

export class UpgradeRequired extends RefusedUpgrade {
  constructor (problem: string) {
    super('FST_CHANNELS_UPGRADE_REQUIRED', problem, 426)
  }
}

export class NoSuchRoute extends RefusedUpgrade {
  constructor (method: string, url: string) {
    super('FST_CHANNELS_NO_SUCH_ROUTE', `No WebSocket route at ${method} '${url}': check the path.`, 404)
  }
}

/** Milliseconds. A guess, because a quota becomes free when some connection closes. */
const quotaRetryMs = 5_000

/** `of`: what has too many connections, a user or an address. */
export class TooManyConnections extends RefusedForNow {
  constructor (of: 'user' | 'address', retryAfter = quotaRetryMs) {
    super('FST_CHANNELS_TOO_MANY_CONNECTIONS',
      `Too many connections of this ${of}: try again after the time in Retry-After.`, 429, retryAfter)
  }
}

export class ServerFull extends RefusedForNow {
  constructor () {
    super('FST_CHANNELS_SERVER_FULL',
      'The server has no room for more connections: try again after the time in Retry-After.', 503, quotaRetryMs)
  }
}

/** The server closes, or a hook of the application did not settle within `upgradeTimeout`. */
export class UpgradeUndecided extends RefusedForNow {
  constructor () {
    super('FST_CHANNELS_UPGRADE_UNDECIDED',
      'The server is closing, or did not decide in time: try again after the time in Retry-After.', 503, 1_000)
  }
}

/** The message about an option that does not exist, with the name that was probably meant. `name` may be a path. */
export function unknownOption (name: string, known: readonly string[]): string {
  const path = name.slice(0, name.lastIndexOf('.') + 1)
  return `unknown option '${name}'; ${suggestion(name, known.map((other) => path + other))}`
}
