import { controlWords } from '../protocol/control.ts'
import { clientCodes, errorMessages } from '../protocol/errors.ts'
import { check, nothing, outgoing, type Check, type Outgoing } from './checks.ts'
import { ContractError } from './contract-error.ts'
import type { AnyChannel, FromClientDefinition, FromServerDefinition } from './definition.ts'
import { maxType } from '../protocol/envelope.ts'
import type { WhenSlow } from '../protocol/frame.ts'
import { compileLog, type CompiledLog } from './log.ts'
import { parsePattern, patternFault, type Pattern } from './pattern.ts'
import { anObject, knownKeys, soundCount } from './sound.ts'
import { compileWhenSlow } from './when-slow.ts'

export interface CompiledMessage {
  readonly payload: Check
  readonly reply: Outgoing
  readonly errors: ReadonlyMap<string, Outgoing>
  readonly rateLimit?: Rate
  readonly once: boolean
}

export interface CompiledAnnouncement {
  readonly payload: Outgoing
  readonly logged: boolean
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
  /** Left out where the channel has no log. */
  readonly log?: CompiledLog
}

type Rate = NonNullable<FromClientDefinition['rateLimit']>

const reservedCodes: readonly string[] = [...Object.keys(errorMessages), ...clientCodes]
const definitionKeys = ['pattern', 'params', 'fromClient', 'fromServer', 'presence', 'log']
const fromClientKeys = ['payload', 'reply', 'errors', 'rateLimit', 'once']
const fromServerKeys = ['payload', 'whenSlow', 'ephemeral']

/**
 * Compiles a contract once, at registration.
 * @throws {ContractError} that names the spot: types hold none of this for callers in plain JavaScript.
 */
export function compileChannel (contract: AnyChannel): CompiledChannel {
  const { definition } = contract
  const spot = contract.pattern === '' ? 'the connection' : `channel '${contract.pattern}'`
  knownKeys(definition, definitionKeys, spot)
  const presence = definition.presence && outgoing(definition.presence, `${spot}: presence`)
  const log = definition.log && compileLog(definition.log, `${spot}: log`)
  if (contract.pattern === '') refuseOnce(definition.fromClient)
  return {
    contract,
    pattern: soundPattern(contract, spot),
    params: definition.params ? check(definition.params, `${spot}: params`) : () => undefined,
    fromClient: eachMessage(definition.fromClient, `${spot}: fromClient`, inbound),
    fromServer: eachMessage(definition.fromServer, `${spot}: fromServer`, announced(log !== undefined)),
    ...(presence && { presence }),
    ...(log && { log })
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
    once: flag(message.once, `${spot} once`),
    ...(message.rateLimit && { rateLimit: soundRate(message.rateLimit, `${spot} rateLimit`) })
  }
}

/** What is sent once is remembered with its channel. */
function refuseOnce (messages: Readonly<Record<string, FromClientDefinition>>): void {
  const type = Object.keys(messages).find((type) => messages[type]?.once)
  if (type !== undefined) throw new ContractError(`the connection: fromClient '${type}' once`, 'is for messages of channels only')
}

function flag (value: unknown, spot: string): boolean {
  if (value !== undefined && value !== true) throw new ContractError(spot, 'must be true, or left out')
  return value === true
}

function soundRate (rate: Rate, spot: string): Rate {
  for (const key of ['max', 'per'] as const) soundCount(rate[key], `${spot} ${key}`)
  return rate
}

const announced = (hasLog: boolean) => (message: FromServerDefinition, spot: string, type: string): CompiledAnnouncement => {
  knownKeys(message, fromServerKeys, spot)
  const logged = hasLog && !flag(message.ephemeral, `${spot} ephemeral`)
  return {
    payload: message.payload ? outgoing(message.payload, `${spot} payload`) : () => undefined,
    logged,
    whenSlow: compileWhenSlow(message.whenSlow, logged, type, `${spot} whenSlow`)
  }
}
