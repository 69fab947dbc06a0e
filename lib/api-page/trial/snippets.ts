import { bearerPrefix, subprotocol } from '../../protocol/control-messages.ts'
import type { Carrier } from './route-session.ts'

/** A message that somebody wants to send again from elsewhere. */
export interface SampleMessage {
  readonly url: string
  readonly carrier: Carrier
  /** Empty for a message of the connection. */
  readonly pattern: string
  readonly params: Readonly<Record<string, string>>
  /** Undefined for a message of the connection. */
  readonly address: string | undefined
  readonly hasHistory: boolean
  readonly type: string
  readonly payload: unknown
  readonly hasReply: boolean
}

/** A value as TypeScript, with indented lines. */
function code (value: unknown): string {
  const text = JSON.stringify(value, null, 2)
  // Written as it is, the name would set the prototype.
  const keys = text.replaceAll(/^( *)"([A-Za-z_$][\w$]*)": /gm, (_, indent, name) =>
    `${indent}${name === '__proto__' ? "['__proto__']" : name}: `)
  return keys.replaceAll(/[\u2028\u2029]/g, (separator) => `\\u${separator.charCodeAt(0).toString(16)}`)
}

/** A text as TypeScript. */
const quoted = (text: string) => `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

/** The name of the contract, as the demo of the package names them: `chat/:room` is `chat`. */
function contractName (pattern: string): string {
  const name = pattern.replaceAll(/:\w+/g, '').split(/[^A-Za-z0-9]+/).filter((part) => part !== '')
    .map((part, i) => i === 0 ? part : part.charAt(0).toUpperCase() + part.slice(1)).join('')
  return /^[A-Za-z]/.test(name) ? name : `contract${name}`
}

/** The message as a program that uses the client of this package, typed by the contract. */
export function clientCode (sample: SampleMessage): string {
  const { url, carrier, pattern, params, hasHistory, hasReply } = sample
  const name = pattern === '' ? 'connection' : contractName(pattern)
  const options = carrier === 'none' ? '' : ', { token: () => token }'
  const joinArgs = [
    quoted(pattern), ...Object.keys(params).length > 0 || hasHistory ? [code(params)] : [],
    ...hasHistory ? ['{ onResync: () => {} }'] : []
  ].join(', ')
  return [
    "import { connect } from 'fastify-channels/client'",
    `import type { ${name} } from './${name}.contract.js'`,
    '',
    ...carrier === 'none' ? [] : ["const token = '…'"],
    `const client = connect<typeof ${name}>(${quoted(url)}${options})`,
    ...pattern === '' ? [] : [`const channel = await client.join(${joinArgs})`],
    `${hasReply ? 'const reply = ' : ''}await ${callOf(sample)}`,
    ...hasReply ? ['console.log(reply)'] : [],
    'client.close()',
    ''
  ].join('\n')
}

/** The client has methods of its own for two control messages. */
function callOf ({ pattern, type, payload }: SampleMessage): string {
  if (type === 'refresh' && pattern === '') return 'client.refresh()'
  const args = payload === undefined ? [] : [code(payload)]
  if (type === 'history') return `channel.history(${args.join('')})`
  return `${pattern === '' ? 'client' : 'channel'}.send(${[quoted(type), ...args].join(', ')})`
}

/** A word for a POSIX shell. */
const shellWord = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/**
 * The message as one line for a shell, with `wscat`.
 * @param id of the message: a known one would make an idempotent message a repetition
 */
export function wscatLine ({ url, carrier, address, type, payload }: SampleMessage, id: string): string {
  const join = address === undefined ? [] : [{ type: 'join', channel: address, correlationId: 'join' }]
  const envelopes = [...join, { type, channel: address, payload, correlationId: id }]
  const inQuery = `${url}${url.includes('?') ? '&' : '?'}token=`
  const protocols = [subprotocol, ...carrier === 'subprotocol' ? [`${bearerPrefix}$TOKEN`] : []]
  return [
    'wscat',
    `-c ${carrier === 'query' ? `${shellWord(inQuery)}"$TOKEN"` : shellWord(url)}`,
    ...protocols.map((protocol) => `-s ${protocol.endsWith('$TOKEN') ? `"${protocol}"` : protocol}`),
    ...envelopes.map((envelope) => `-x ${shellWord(JSON.stringify(envelope))}`)
  ].join(' ')
}
