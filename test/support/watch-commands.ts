import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

/** The quoted arguments of a line of `MONITOR`, quotes and line breaks in them escaped. */
const argument = /"((?:[^"\\]|\\.)*)"/g

/**
 * Reports every command that a Redis runs from now on, those of scripts included. A plain socket reads them: ioredis
 * fails when the first report arrives together with the reply to `MONITOR`.
 * @returns A function that ends it.
 */
export async function watchCommands (
  t: Test, port: number, report: (args: readonly string[]) => void
): Promise<() => void> {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const lines = createInterface(socket)
  socket.write('MONITOR\r\n')
  await once(lines, 'line')
  lines.on('line', (line) => report(Array.from(line.matchAll(argument), ([, text = '']) => text)))
  return () => socket.destroy()
}
