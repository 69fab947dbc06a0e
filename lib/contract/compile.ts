import { controlWords } from '../protocol/control-messages.ts'
import { clientCodes, errorMessages } from '../protocol/errors.ts'
import { compileValidator, noPayload, compileOutgoing, type Validator, type OutgoingValidator } from './validators.ts'
import { ContractError } from './contract-error.ts'
import type { AnyChannel, FromClientDefinition, FromServerDefinition } from './define-channel.ts'
import { maxTypeLength } from '../protocol/envelope.ts'
import type { WhenSlow } from '../protocol/when-slow.ts'
import { compileHistory, type CompiledHistory } from './compile-history.ts'
import { parsePattern, patternIssue, type Pattern } from './pattern.ts'
import { requireObject, requireKnownKeys, requireCount } from './valid.ts'
import { compileWhenSlow } from './compile-when-slow.ts'

export interface CompiledClientMessage {
  readonly payload: Validator
  readonly reply: OutgoingValidator
  readonly errors: ReadonlyMap<string, OutgoingValidator>
  readonly rateLimit?: Rate
  readonly idempotent: boolean
}

export interface CompiledServerMessage {
  readonly payload: OutgoingValidator
  readonly persistent: boolean
  /** What becomes of it for a connection that reads too slowly; given the payload. */
  readonly whenSlow: (payload: unknown) => WhenSlow
}

/** A contract ready to run. */
export interface CompiledChannel {
  readonly contract: AnyChannel
  readonly pattern: Pattern
  readonly params: Validator
  readonly fromClient: ReadonlyMap<string, CompiledClientMessage>
  readonly fromServer: ReadonlyMap<string, CompiledServerMessage>
  /** Left out where the channel has no presence. */
  readonly presence?: OutgoingValidator
  /** Left out where the channel has no log. */
  readonly history?: CompiledHistory
}

type Rate = NonNullable<FromClientDefinition['rateLimit']>

const reservedCodes: readonly string[] = [...Object.keys(errorMessages), ...clientCodes]
const definitionKeys = ['pattern', 'params', 'fromClient', 'fromServer', 'presence', 'history']
const fromClientKeys = ['payload', 'reply', 'errors', 'rateLimit', 'idempotent']
const fromServerKeys = ['payload', 'whenSlow', 'ephemeral']

/**
 * Compiles a contract once, at registration.
 * @throws {ContractError} that names the spot: types hold none of this for callers in plain JavaScript.
 */
export function compileChannel (contract: AnyChannel): CompiledChannel {
  const { definition } = contract
  const spot = contract.pattern === '' ? 'the connection' : `channel '${contract.pattern}'`
  requireKnownKeys(definition, definitionKeys, spot)
  const presence = definition.presence && compileOutgoing(definition.presence, `${spot}: presence`)
  const history = definition.history && compileHistory(definition.history, `${spot}: history`)
  if (contract.pattern === '') refuseOnce(definition.fromClient)
  return {
    contract,
    pattern: soundPattern(contract, spot),
    params: definition.params ? compileValidator(definition.params, `${spot}: params`) : () => undefined,
    fromClient: eachMessage(definition.fromClient, `${spot}: fromClient`, inbound),
    fromServer: eachMessage(definition.fromServer, `${spot}: fromServer`, announced(history !== undefined)),
    ...(presence && { presence }),
    ...(history && { history })
  }
}

function soundPattern ({ pattern, definition }: AnyChannel, spot: string): Pattern {
  const fault = pattern === '' ? undefined : patternIssue(pattern)
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
  return new Map(Object.entries(requireObject(messages, spot)).map(([type, message]) => {
    if ((controlWords as readonly string[]).includes(type)) throw new ContractError(`${spot} '${type}'`, 'is a control word of the protocol')
    if (type === '' || type.length > maxTypeLength) throw new ContractError(`${spot} '${type}'`, `must have 1 to ${maxTypeLength} characters`)
    return [type, compile(message, `${spot} '${type}'`, type)]
  }))
}

function inbound (message: FromClientDefinition, spot: string): CompiledClientMessage {
  requireKnownKeys(message, fromClientKeys, spot)
  return {
    payload: message.payload ? compileValidator(message.payload, `${spot} payload`) : noPayload,
    reply: message.reply ? compileOutgoing(message.reply, `${spot} reply`) : () => undefined,
    errors: new Map(Object.entries(message.errors ?? {}).map(([code, schema]) => {
      if (reservedCodes.includes(code)) throw new ContractError(`${spot} errors '${code}'`, "is a code of the protocol's own catalogue")
      return [code, compileOutgoing(schema, `${spot} errors '${code}'`)]
    })),
    idempotent: flag(message.idempotent, `${spot} idempotent`),
    ...(message.rateLimit && { rateLimit: soundRate(message.rateLimit, `${spot} rateLimit`) })
  }
}

/** What is sent once is remembered with its channel. */
function refuseOnce (messages: Readonly<Record<string, FromClientDefinition>>): void {
  const type = Object.keys(messages).find((type) => messages[type]?.idempotent)
  if (type !== undefined) throw new ContractError(`the connection: fromClient '${type}' idempotent`, 'is for messages of channels only')
}

function flag (value: unknown, spot: string): boolean {
  if (value !== undefined && value !== true) throw new ContractError(spot, 'must be true, or left out')
  return value === true
}

function soundRate (rate: Rate, spot: string): Rate {
  for (const key of ['max', 'timeWindow'] as const) requireCount(rate[key], `${spot} ${key}`)
  return rate
}

const announced = (hasHistory: boolean) => (message: FromServerDefinition, spot: string, type: string): CompiledServerMessage => {
  requireKnownKeys(message, fromServerKeys, spot)
  const persistent = hasHistory && !flag(message.ephemeral, `${spot} ephemeral`)
  return {
    payload: message.payload ? compileOutgoing(message.payload, `${spot} payload`) : () => undefined,
    persistent,
    whenSlow: compileWhenSlow(message.whenSlow, persistent, type, `${spot} whenSlow`)
  }
}
