import { controlWords } from '../protocol/control-messages.ts'
import { channelName, maxTypeLength } from '../protocol/envelope.ts'
import { isReserved } from '../protocol/errors.ts'
import { ContractError } from './contract-errors.ts'
import type { AnyChannel, FromClientDefinition, FromServerDefinition } from './define-channel.ts'
import {
  requireCount, requireFlag, requireKnownKeys, requireNamespace, requireObject, requireWellFormed
} from './option-checks.ts'
import { parsePattern, patternRule, type Pattern } from './pattern.ts'
import { compileHistory, type CompiledHistory } from './parts/history.ts'
import { compilePresence, type CompiledPresence } from './parts/presence.ts'
import { shapeOf } from './parts/sharing.ts'
import { compileWhenSlow, type WhenSlowOf } from './parts/when-slow.ts'
import {
  compileOutgoing, compileParams, compileReply, compileValidator, noPayload, noReply, type CompiledReply,
  type OutgoingValidator, type Validator
} from './schema/validators.ts'

export interface CompiledClientMessage extends CompiledReply {
  readonly payload: Validator
  readonly errors: ReadonlyMap<string, OutgoingValidator>
  readonly rateLimit?: Rate
  readonly idempotent: boolean
}

export interface CompiledServerMessage {
  readonly payload: OutgoingValidator
  readonly persistent: boolean
  readonly whenSlow: WhenSlowOf
}

/** A contract whose schemas are compiled. */
export interface CompiledChannel {
  readonly contract: AnyChannel
  readonly pattern: Pattern
  /** The name of the channel with this address. */
  readonly nameOf: (address: string) => string
  /** Equal for the contracts that share their channels, and only for those. */
  readonly channels: string
  /** Whether other contracts may have the same channels. */
  readonly isShared: boolean
  readonly params: Validator
  readonly fromClient: ReadonlyMap<string, CompiledClientMessage>
  readonly fromServer: ReadonlyMap<string, CompiledServerMessage>
  /** Undefined where the channel has no presence. */
  readonly presence?: CompiledPresence
  /** Undefined where the channel has no history. */
  readonly history?: CompiledHistory
}

type Rate = NonNullable<FromClientDefinition['rateLimit']>

const definitionKeys =
  ['pattern', 'params', 'namespace', 'shared', 'fromClient', 'fromServer', 'presence', 'history']
const fromClientKeys = ['payload', 'reply', 'errors', 'rateLimit', 'idempotent']
const fromServerKeys = ['payload', 'whenSlow', 'ephemeral']

/** The name of a contract in error messages. */
export function contractPath (pattern: string): string {
  return pattern === '' ? 'the connection contract' : `channel '${pattern}'`
}

/**
 * Compiles a contract at registration. It checks again what the types check, for callers in plain JavaScript.
 * @throws {ContractError}
 */
export function compileChannel (contract: AnyChannel): CompiledChannel {
  const { definition } = contract
  const path = contractPath(contract.pattern)
  requireKnownKeys(definition, definitionKeys, path, '{ pattern, fromClient, fromServer }')
  const presence = definition.presence && compilePresence(definition.presence, `${path}, presence`)
  const history = definition.history && compileHistory(definition.history, `${path}, history`)
  const { namespace, shared } = definition
  requireNamespace(namespace, path)
  const outbound = outboundCompiler(history !== undefined)
  if (contract.pattern === '') refuseIdempotent(definition.fromClient)
  return {
    contract,
    params: definition.params ? compileParams(definition.params, `${path}, params`) : () => undefined,
    pattern: validPattern(contract, path),
    nameOf: (address) => channelName(namespace, address),
    channels: channelName(namespace, shapeOf(contract.pattern)),
    isShared: requireFlag(shared, 'shared', path),
    fromClient: compileMessages(definition.fromClient, `${path}, fromClient`, compileInbound),
    fromServer: compileMessages(definition.fromServer, `${path}, fromServer`, outbound),
    ...(presence && { presence }),
    ...(history && { history })
  }
}

function validPattern ({ pattern, definition }: AnyChannel, path: string): Pattern {
  const rule = pattern === '' ? undefined : patternRule(pattern)
  if (rule) throw new ContractError(path, 'invalid pattern', rule)
  const parsed = parsePattern(pattern)
  const given = Object.keys(definition.params?.properties ?? {})
  const missing = parsed.names.find((name) => !given.includes(name))
  if (missing) {
    throw new ContractError(path, `the params schema lacks '${missing}'`, 'add it, because the pattern names it')
  }
  const extra = given.find((name) => !parsed.names.includes(name))
  if (extra) {
    throw new ContractError(path, `the params schema has '${extra}'`, 'remove it, because the pattern does not name it')
  }
  return parsed
}

function compileMessages<M extends object, C> (
  messages: Readonly<Record<string, M>>, path: string, compile: (message: M, path: string, type: string) => C
): Map<string, C> {
  return new Map(Object.entries(requireObject(messages, path)).map(([type, message]) => {
    requireFreeType(type, path)
    return [type, compile(message, `${path} '${type}'`, type)]
  }))
}

function requireFreeType (type: string, path: string): void {
  if ((controlWords as readonly string[]).includes(type)) {
    throw new ContractError(
      path, `reserved message type '${type}'`, 'choose another name, because the protocol uses it'
    )
  }
  if (type === '' || type.length > maxTypeLength) {
    throw new ContractError(path, `a message type of ${type.length} characters`, `use 1 to ${maxTypeLength} characters`)
  }
  requireWellFormed(type, 'a message type', path)
}

function compileInbound (message: FromClientDefinition, path: string): CompiledClientMessage {
  requireKnownKeys(message, fromClientKeys, path)
  const { payload, reply, errors = {}, idempotent, rateLimit } = message
  return {
    payload: payload ? compileValidator(payload, `${path}, payload`) : noPayload,
    ...(reply ? compileReply(reply, `${path}, reply`) : noReply),
    errors: new Map(Object.entries(requireObject(errors, `${path}, errors`)).map(([code, schema]) => {
      requireWellFormed(code, 'an error code', path)
      if (!isReserved(code)) return [code, compileOutgoing(schema, `${path}, error '${code}'`)]
      throw new ContractError(
        path, `reserved error code '${code}'`, 'choose another code, because the protocol uses it'
      )
    })),
    idempotent: requireFlag(idempotent, 'idempotent', path),
    ...(rateLimit && { rateLimit: validRate(rateLimit, `${path}, rateLimit`) })
  }
}

function validRate (rate: Rate, path: string): Rate {
  const names = ['max', 'timeWindow'] as const
  requireKnownKeys(rate, names, path, '{ max, timeWindow }')
  for (const name of names) requireCount(rate[name], name, path)
  return rate
}

function refuseIdempotent (messages: Readonly<Record<string, FromClientDefinition>>): void {
  const type = Object.keys(messages).find((type) => messages[type]?.idempotent)
  if (type === undefined) return
  throw new ContractError(`${contractPath('')}, fromClient '${type}'`, "unsupported option 'idempotent'",
    'declare the message on a channel, because replies are stored for each channel')
}

function outboundCompiler (hasHistory: boolean) {
  return (message: FromServerDefinition, path: string, type: string): CompiledServerMessage => {
    requireKnownKeys(message, fromServerKeys, path)
    const { payload, ephemeral, whenSlow } = message
    const persistent = hasHistory && !requireFlag(ephemeral, 'ephemeral', path)
    return {
      payload: payload ? compileOutgoing(payload, `${path}, payload`) : () => undefined,
      persistent,
      whenSlow: compileWhenSlow(whenSlow, persistent, type, path)
    }
  }
}
