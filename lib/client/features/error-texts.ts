import type { Envelope } from '../../protocol/envelope.ts'
import type { ClientFeature } from '../feature.ts'
import { RequestError, type Failure } from '../request-error.ts'

const unknownEffect = 'its effect is unknown'

/** The texts of failures that the client itself detects. */
const ownReasons: Readonly<Record<string, string>> = {
  closed: 'the client is closed; call open() to connect again',
  disconnected: 'not sent, because there is no connection',
  not_joined: 'the channel has been left; join it again',
  too_many_pending: 'too many messages wait; try again later',
  unknown_channel: 'this route serves no such channel',
  unknown_outcome: unknownEffect
}

/** What did not happen in time, by the type of the call. */
const missingIn: Readonly<Record<string, string>> = { join: 'not joined', ready: 'no connection' }

/** Gives a `RequestError` a sentence as its text: what failed, where, why, and when a further try makes sense. */
export const errorTexts: ClientFeature = ({ requests: { steps } }) => {
  steps.failure = (message, failure) => {
    const { type, channel } = message
    const { code, cause } = failure
    const error = new RequestError(message, failure)
    const where = channel ? ` on '${channel}'` : ''
    const why = error.isDeclared ? '' : `: ${reasonOf(message, failure)}${cause ? `: ${cause.message}` : ''}`
    const next = error.retryAfter === undefined ? '' : `; try again in ${error.retryAfter} ms`
    error.message = `'${type}'${where} failed with ${code}${why}${next}`
    return error
  }
}

function reasonOf (message: Envelope, { code, message: text, details, wasSent, close, afterMs }: Failure): string {
  if (text) {
    // An invalid payload says where it is.
    const { path, message: issue } = Object(details) as { readonly path?: string, readonly message?: string }
    return path === undefined ? text : `${text}: ${`${path} ${issue}`.trim()}`
  }
  if (wasSent) {
    const end = close ? `closed with ${close.code} before the reply: ${close.reason}` : 'lost before the reply'
    return `the connection was ${end}; ${unknownEffect}`
  }
  // Other codes are those of a `left`, which ends a join that waits.
  if (afterMs === undefined) return ownReasons[code] ?? 'removed by the server'
  const isSent = code !== 'closed' && code !== 'disconnected'
  const missing = missingIn[message.type] ?? (isSent ? 'no reply' : 'not sent')
  return `${missing} within ${afterMs} ms${missing === 'no reply' ? `; ${unknownEffect}` : ''}`
}
