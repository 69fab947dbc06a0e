import type { ImplementedChannel } from '../../lib/server/implement.ts'
import { InvalidOptions, InvalidRoute, unknownOption } from '../errors.ts'
import { optionNames } from '../settings.ts'

/** The options of a WebSocket route: ours first, then those of a Fastify route that make sense before an upgrade. */
const routeOptions: readonly string[] = [
  'identify', 'jwt', 'public', 'locals', 'metadata', 'connected', 'disconnected', 'maxPayload', 'limits',
  'contractMismatch', 'previousContracts',
  'schema', 'attachValidation', 'validatorCompiler', 'serializerCompiler', 'bodyLimit', 'handlerTimeout', 'logLevel',
  'logSerializers', 'config', 'constraints', 'prefixTrailingSlash', 'errorHandler', 'childLoggerFactory',
  'schemaErrorFormatter', 'exposeHeadRoute', 'onRequest', 'preParsing', 'preValidation', 'preHandler',
  'preSerialization', 'onSend', 'onResponse', 'onTimeout', 'onError', 'onRequestAbort'
]

/**
 * Checks the arguments of `app.ws`, for applications in JavaScript.
 * @throws {InvalidRoute} @throws {InvalidOptions} for an unknown option.
 */
export function checkArguments (url: string, options: object, channels: readonly ImplementedChannel[]): void {
  if (typeof options !== 'object' || options === null || !Array.isArray(channels)) {
    throw new InvalidRoute(url, 'pass a URL, options if there are any, and an array: ' +
      "app.ws('/ws', [implement(contract, { on: { … } })])")
  }
  const unknown = Object.keys(options).find((name) => !routeOptions.includes(name))
  if (unknown !== undefined) throw new InvalidOptions(unknownRouteOption(url, unknown))
  for (const channel of channels as readonly unknown[]) checkImplemented(url, channel)
}

function unknownRouteOption (url: string, name: string): string {
  const where = `the route '${url}' has the `
  return optionNames.includes(name)
    ? `${where}option '${name}' of the plugin: pass it to app.register(channels, { ${name} })`
    : where + unknownOption(name, routeOptions)
}

function checkImplemented (url: string, given: unknown): void {
  const { pattern, channel, implementation } = Object(given) as Partial<ImplementedChannel> & { pattern?: string }
  if (pattern !== undefined) {
    throw new InvalidRoute(url, `the contract '${pattern}' has no handlers: pass implement(contract, { on: { … } })`)
  }
  if (channel === undefined) throw new InvalidRoute(url, 'the array holds something else than implement(…) returns')
  if (typeof implementation?.on !== 'object') {
    throw new InvalidRoute(url, `the implementation of '${channel.pattern}' has no 'on': pass its handlers as ` +
      'implement(contract, { on: { … } })')
  }
}
