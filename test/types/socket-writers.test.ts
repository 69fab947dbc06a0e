import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { root } from '../support/root.ts'
import { compileFiles } from '../support/types/compile.ts'

/** The types of the package `ws`, whose WebSocket has no method that writes to it or closes it. */
const readOnly = `
import type { WebSocket as Full } from '${join(root, 'node_modules/@types/ws/index.mjs')}'
export interface WebSocket extends Omit<Full, 'send' | 'close' | 'terminate' | 'ping'> {}
`

/**
 * What of lib does not compile without the methods that write to a WebSocket of `ws` or close one. The client has
 * methods of its own with these names; the commands and what is shipped for tests play the peer.
 */
function socketWriters (): string[] {
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.ts$/.test(path) && !/^(cli\.ts$|(client|react|testing|tools)\/)/.test(path))
    .map((path) => join(root, 'lib', path))
  const { errors } = compileFiles(new Map([['ws.ts', readOnly]]), { files, paths: { ws: ['./ws.ts'] } })
  return errors.map(({ file, message }) => `${relative(root, file)}: ${message.split(' on type')[0]}`)
}

t.test('layout: only the connection and its send queue write to a socket or close one', async (t) => {
  t.strictSame([...new Set(socketWriters())].sort(), [
    "lib/connection/connection.ts: Property 'close' does not exist",
    "lib/connection/connection.ts: Property 'ping' does not exist",
    "lib/connection/connection.ts: Property 'terminate' does not exist",
    "lib/connection/sending/send-queue.ts: Property 'send' does not exist"
  ])
})
