import { STATUS_CODES } from 'node:http'
import type { ChannelsError } from '../../lib/protocol/errors.ts'

/**
 * A refusal as bytes, with the body that Fastify gives an error: for an upgrade that Fastify can no longer answer.
 * `retryAfter` in milliseconds.
 */
export function rawAnswer ({ statusCode, code, message }: ChannelsError, retryAfter?: number): string {
  const error = STATUS_CODES[statusCode]
  const body = JSON.stringify({ statusCode, code, error, message, retryAfter })
  return [
    `HTTP/1.1 ${statusCode} ${error}`,
    'Connection: close',
    ...retryAfter === undefined ? [] : [`Retry-After: ${Math.ceil(retryAfter / 1_000)}`],
    'Cache-Control: no-store',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body
  ].join('\r\n')
}
