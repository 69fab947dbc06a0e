/** An HTTP request as bytes, and the answer to it. */
export interface RequestParts {
  readonly method?: string
  readonly path?: string
  readonly version?: string
  /** On top of a sound handshake's; undefined leaves one out, a list sends it more than once. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>
}

export const key = 'dGhlIHNhbXBsZSBub25jZQ=='

const sound = {
  host: '127.0.0.1',
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': key
}

/** A handshake: sound, as far as `parts` does not say otherwise. */
export function handshake (
  { method = 'GET', path = '/lab', version = 'HTTP/1.1', headers = {} }: RequestParts = {}
): string {
  const lines = Object.entries({ ...sound, ...headers })
    .flatMap(([name, value]) => value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}`))
  return [`${method} ${path} ${version}`, ...lines, '', ''].join('\r\n')
}

/** A request that asks for no upgrade. */
export function plain (parts: RequestParts = {}): string {
  const none = Object.fromEntries(Object.keys(sound).filter((name) => name !== 'host').map((name) => [name, undefined]))
  return handshake({ ...parts, headers: { ...none, ...parts.headers } })
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The answer, once its head and as much body as that announces are there. */
export function readAnswer (received: Buffer, hasBody = true): Answer | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = received.subarray(0, end).toString().split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => line.split(/:\s*(.*)/s)).map(([name = '', value = '']) => [name.toLowerCase(), value])
  )
  const body = received.subarray(end + 4)
  if (hasBody && body.length < Number(headers['content-length'] ?? 0)) return undefined
  return { status: Number(first.split(' ')[1]), headers, body: String(body) }
}

/** The answer to a HEAD, which announces a body that never comes. */
export function readHead (received: Buffer): Answer | undefined {
  return readAnswer(received, false)
}
