import { Type, type TProperties, type TSchema } from '@sinclair/typebox'
import { controlWords } from '../../protocol/control-messages.ts'
import { maxChannelLength, maxCorrelationIdLength, maxTypeLength } from '../../protocol/envelope.ts'

// The values that several messages of the protocol have.

export const text = Type.String()
export const offset = Type.Integer({ minimum: 0 })
/** Any type that a contract may declare. */
export const declaredType = Type.String({
  minLength: 1,
  maxLength: maxTypeLength,
  pattern: `^(?!(?:${controlWords.join('|')})$)`
})
export const channel = Type.String({ minLength: 1, maxLength: maxChannelLength })
export const correlationId = Type.String({ minLength: 1, maxLength: maxCorrelationIdLength })

/** A member that tells two forms of a message apart is absent from one of them. */
export const absent = Type.Optional(Type.Never())
export const anything = Type.Optional(Type.Unknown())

/** From a client `null` is the same as absent. */
export const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()])

/** The length bounds an untrusted position. What the server makes is shorter. */
export const mark = Type.String({ maxLength: 64 })
export const position = { epoch: mark, offset, hash: mark }

/** A control message from a client may carry a `correlationId`. */
export function fromClient (type: string, members: TProperties): TSchema {
  return Type.Object({ type: Type.Literal(type), ...members, correlationId: Type.Optional(orNull(correlationId)) })
}

export function fromServer (type: string, members: TProperties): TSchema {
  return Type.Object({ type: Type.Literal(type), ...members })
}
