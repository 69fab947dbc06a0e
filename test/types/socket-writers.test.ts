import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { root } from '../support/root.ts'
import { programOf } from '../support/types/program.ts'

/**
 * The files of lib that write to a WebSocket of `ws`, or close one. By type: the client has a `send` of its own. What
 * is shipped for tests is left out: it plays the peer.
 */
function socketWriters (): string[] {
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path) && !path.startsWith('testing/')).map((path) => `lib/${path}`)
    .filter((path) => /\.(send|close|terminate|ping)\b/.test(readFileSync(join(root, path), 'utf8')))
  const program = programOf(files.map((path) => join(root, path)))
  const checker = program.getTypeChecker()
  const isWrite = (node: ts.Node) => ts.isPropertyAccessExpression(node) &&
    /^(send|close|terminate|ping)$/.test(node.name.text) &&
    checker.getSymbolAtLocation(node.name)?.declarations?.some((d) =>
      d.getSourceFile().fileName.includes('/@types/ws/'))
  const contains = (node: ts.Node): boolean => isWrite(node) || ts.forEachChild(node, contains) === true
  return files.filter((path) => contains(program.getSourceFile(join(root, path)) as ts.SourceFile))
}

t.test('layout: only the connection and its send queue write to a socket or close one', async (t) => {
  t.strictSame(socketWriters().sort(), ['lib/connection/connection.ts', 'lib/connection/sending/send-queue.ts'])
})
