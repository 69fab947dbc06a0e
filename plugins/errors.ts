import createError from '@fastify/error'

/** At registration: an option is wrong. */
export const InvalidOptions = createError<[string]>('FST_CHANNELS_OPTIONS', 'fastify-channels: option %s')

/** At registration: the namespace of `@fastify/redis` that an option names is not there. */
export const NoSuchRedis = createError<[string]>(
  'FST_CHANNELS_NO_SUCH_REDIS',
  "fastify-channels: @fastify/redis has no namespace '%s': register it before"
)

/** At registration: nothing says who may connect. */
export const UnprotectedRoute = createError<[string]>(
  'FST_CHANNELS_UNPROTECTED_ROUTE',
  "fastify-channels: nothing protects the route '%s': register @fastify/jwt or give the 'jwt' option, give 'identify', or say 'public: true'"
)

/** At registration: somebody else registered `@fastify/websocket`. */
export const WebSocketRegistered = createError(
  'FST_CHANNELS_WEBSOCKET_REGISTERED',
  "fastify-channels registers @fastify/websocket itself: remove your registration, and pass its options as 'websocket'"
)

/** At an upgrade: an identity was found, but not what to call it. */
export const NoUserId = createError(
  'FST_CHANNELS_NO_USER_ID',
  "the identity has neither 'id' nor 'sub': say what identifies it with the 'userId' option"
)

// What a client can cause comes without a stack: it says nothing, and Fastify would log it.
export const BadHandshake = createError<[string]>('FST_CHANNELS_BAD_HANDSHAKE', '%s', 400, Error, false)
export const Unauthenticated = createError('FST_CHANNELS_UNAUTHENTICATED', 'Authentication is required', 401, Error, false)
export const ForbiddenOrigin = createError('FST_CHANNELS_FORBIDDEN_ORIGIN', 'This origin is not allowed', 403, Error, false)
export const TooManyConnections = createError<[string]>('FST_CHANNELS_TOO_MANY_CONNECTIONS', 'Too many connections of this %s', 429, Error, false)
export const ServerFull = createError('FST_CHANNELS_SERVER_FULL', 'The server has no room for more connections', 503, Error, false)
export const UpgradeRequired = createError<[string]>('FST_CHANNELS_UPGRADE_REQUIRED', '%s', 426, Error, false)
