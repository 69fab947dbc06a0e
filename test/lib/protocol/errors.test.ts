import t from 'tap'
import { controlWords } from '../../../lib/protocol/control-messages.ts'
import {
  Behind, ChannelsError, errorMessages, MessageError, rateLimited, refusal, UsageError, type ErrorCode
} from '../../../lib/protocol/errors.ts'

t.test('errors: every code of the protocol has a default text and is no control word', async (t) => {
  for (const [code, message] of Object.entries(errorMessages)) {
    t.match(code, /^[a-z_]+$/)
    t.match(refusal(code as ErrorCode).payload, { code, message })
  }
  t.notOk(controlWords.some((word) => word in errorMessages), 'no code is a control word')
})

t.test('errors: the payload of a refusal holds its details and retryAfter where it has them', async (t) => {
  const error = new MessageError('muted', 'you are muted', { until: 3 })
  t.strictSame(error.payload, { code: 'muted', message: 'you are muted', details: { until: 3 } })
  t.strictSame(refusal('invalid_payload', { path: '/a' }).payload.details, { path: '/a' })
  t.equal(rateLimited(500).payload.retryAfter, 500)
  t.equal(refusal('unavailable').payload.retryAfter, 500, 'half a second')
  t.notOk('retryAfter' in refusal('internal').payload)
})

t.test('errors: a refusal has the HTTP status that a REST handler should answer with', async (t) => {
  const table: Readonly<Record<ErrorCode | 'muted' | 'toString', number>> = {
    already_joined: 400,
    behind: 409,
    conflict: 409,
    epoch_changed: 409,
    forbidden: 403,
    history_full: 503,
    in_flight: 400,
    internal: 500,
    invalid_payload: 400,
    invalid_token: 401,
    muted: 400,
    no_history: 400,
    not_joined: 400,
    rate_limited: 429,
    timeout: 504,
    too_many_channels: 400,
    toString: 400,
    unavailable: 503,
    unknown_channel: 404,
    unknown_type: 404
  }
  for (const [code, status] of Object.entries(table)) t.equal(new MessageError(code, '').statusCode, status, code)
})

t.test('errors: every class is a ChannelsError with its own name', async (t) => {
  const behind = new Behind({ position: { epoch: 'e', offset: 1, hash: 'h' }, messages: [] })
  const table: Readonly<Record<string, ChannelsError>> = {
    ChannelsError: new ChannelsError('a', 'b', 500),
    UsageError: new UsageError('a message'),
    MessageError: refusal('forbidden'),
    Behind: behind
  }
  for (const [name, error] of Object.entries(table)) {
    t.type(error, ChannelsError, name)
    t.type(error, Error, name)
    t.equal(error.name, name)
  }
  t.match(table['UsageError'], { code: 'FST_CHANNELS_USAGE', statusCode: 500, message: 'a message' })
})

t.test('errors: Behind carries the missed messages, the newest position, and a snapshot with its reason', async (t) => {
  const content = {
    position: { epoch: 'e', offset: 4, hash: 'h4' },
    reason: 'limit',
    snapshot: { offset: 3, hash: 'h3', state: {} },
    messages: [{ type: 'a', payload: 1, offset: 4, id: 'i', hash: 'h4', prev: 'h3' }]
  } as const
  t.match(new Behind(content), { code: 'behind', statusCode: 409, ...content })
  t.equal(
    new Behind({ position: content.position, messages: [] }).reason, undefined, 'no reason where all messages are given'
  )
})
