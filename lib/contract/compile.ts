import { controlWords } from '../protocol/control.ts'
import { clientCodes, errorMessages } from '../protocol/errors.ts'
import { check, nothing, outgoing, type Check, type Outgoing } from './checks.ts'
import { ContractError } from './contract-error.ts'
import type { AnyChannel, FromClientDefinition, FromServerDefinition } from './definition.ts'
import { maxType } from '../protocol/envelope.ts'
import type { WhenSlow } from '../protocol/frame.ts'
import { parsePattern, patternFault, type Pattern } from './pattern.ts'
import { compileWhenSlow } from './when-slow.ts'

export interface CompiledMessage {
  readonly payload: Check
  readonly reply: Outgoing
  readonly errors: ReadonlyMap<string, Outgoing>
  readonly rateLimit?: Rate
}

export interface CompiledAnnouncement {
  readonly payload: Outgoing
  /** What becomes of it for a connection that reads too slowly; given the payload. */
  readonly whenSlow: (payload: unknown) => WhenSlow
}

/** A contract ready to run. */
export interface CompiledChannel {
  readonly contract: AnyChannel
  readonly pattern: Pattern
  readonly params: Check
  readonly fromClient: ReadonlyMap<string, CompiledMessage>
  readonly fromServer: ReadonlyMap<string, CompiledAnnouncement>
  /** Left out where the channel has no presence. */
  readonly presence?: Outgoing
}

type Rate = NonNullable<FromClientDefinition['rateLimit']>

const reservedCodes: readonly string[] = [...Object.keys(errorMessages), ...clientCodes]
const definitionKeys = ['pattern', 'params', 'fromClient', 'fromServer', 'presence']
const fromClientKeys = ['payload', 'reply', 'errors', 'rateLimit']
const fromServerKeys = ['payload', 'whenSlow']

/**
 * Compiles a contract once, at registration.
 * @throws {ContractError} that names the spot: types hold none of this for callers in plain JavaScript.
 */
export function compileChannel (contract: AnyChannel): CompiledChannel {
  const { definition } = contract
  const spot = contract.pattern === '' ? 'the connection' : `channel '${contract.pattern}'`
  knownKeys(definition, definitionKeys, spot)
  const presence = definition.presence && outgoing(definition.presence, `${spot}: presence`)
  return {
    contract,
    pattern: soundPattern(contract, spot),
    params: definition.params ? check(definition.params, `${spot}: params`) : () => undefined,
    fromClient: eachMessage(definition.fromClient, `${spot}: fromClient`, inbound),
    fromServer: eachMessage(definition.fromServer, `${spot}: fromServer`, announced),
    ...(presence && { presence })
  }
}

function soundPattern ({ pattern, definition }: AnyChannel, spot: string): Pattern {
  const fault = pattern === '' ? undefined : patternFault(pattern)
  if (fault) throw new ContractError(`${spot}: pattern`, fault)
  const parsed = parsePattern(pattern)
  const given = Object.keys(definition.params?.properties ?? {})
  const missing = parsed.names.find((name) => !given.includes(name))
  if (missing) throw new ContractError(`${spot}: params`, `lacks '${missing}', which the pattern names`)
  const extra = given.find((name) => !parsed.names.includes(name))
  if (extra) throw new ContractError(`${spot}: params`, `has '${extra}', which is not a name in the pattern`)
  return parsed
}

function eachMessage<M extends object, C> (messages: Readonly<Record<string, M>>, spot: string, compile: (message: M, spot: string, type: string) => C): Map<string, C> {
  return new Map(Object.entries(anObject(messages, spot)).map(([type, message]) => {
    if ((controlWords as readonly string[]).includes(type)) throw new ContractError(`${spot} '${type}'`, 'is a control word of the protocol')
    if (type === '' || type.length > maxType) throw new ContractError(`${spot} '${type}'`, `must have 1 to ${maxType} characters`)
    return [type, compile(message, `${spot} '${type}'`, type)]
  }))
}

function inbound (message: FromClientDefinition, spot: string): CompiledMessage {
  knownKeys(message, fromClientKeys, spot)
  return {
    payload: message.payload ? check(message.payload, `${spot} payload`) : nothing,
    reply: message.reply ? outgoing(message.reply, `${spot} reply`) : () => undefined,
    errors: new Map(Object.entries(message.errors ?? {}).map(([code, schema]) => {
      if (reservedCodes.includes(code)) throw new ContractError(`${spot} errors '${code}'`, "is a code of the protocol's own catalogue")
      return [code, outgoing(schema, `${spot} errors '${code}'`)]
    })),
    ...(message.rateLimit && { rateLimit: soundRate(message.rateLimit, `${spot} rateLimit`) })
  }
}

function soundRate (rate: Rate, spot: string): Rate {
  for (const key of ['max', 'per'] as const) {
    if (!Number.isSafeInteger(rate[key]) || rate[key] < 1) throw new ContractError(`${spot} ${key}`, 'must be a whole number from 1')
  }
  return rate
}

function announced (message: FromServerDefinition, spot: string, type: string): CompiledAnnouncement {
  knownKeys(message, fromServerKeys, spot)
  return {
    payload: message.payload ? outgoing(message.payload, `${spot} payload`) : () => undefined,
    whenSlow: compileWhenSlow(message.whenSlow, type, `${spot} whenSlow`)
  }
}

function anObject<T extends object> (value: T, spot: string): T {
  if (typeof value !== 'object' || value === null) throw new ContractError(spot, 'must be an object')
  return value
}

function knownKeys (value: object, known: readonly string[], spot: string): void {
  const unknown = Object.keys(anObject(value, spot)).find((key) => !known.includes(key))
  if (unknown) throw new ContractError(spot, `has the unknown option '${unknown}'`)
}
