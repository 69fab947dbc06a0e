import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { explained, pages, readPage } from '../support/docs/page.ts'
import { root } from '../support/root.ts'

/** The name of a code span: of `ctx.broadcast(type, payload)` it is `ctx.broadcast`. */
const nameOf = (code: string) => /^[\w$./-]+/.exec(code)?.[0] ?? code
const everywhere = new Set(pages().flatMap(explained).map(nameOf))
const inOptions = new Set(explained(readPage('docs/options.md')).map(nameOf))
const inClient = new Set(explained(readPage('docs/client.md')).map(nameOf))

const { exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, { types: string }> }
const fileOf = (entry: string) => join(root, entries[entry]?.types as string)
const program = ts.createProgram(Object.keys(entries).map(fileOf), { strict: true, skipLibCheck: true, noEmit: true, target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, types: ['node'] })
const checker = program.getTypeChecker()

function exportsOf (entry: string): Map<string, ts.Symbol> {
  const module = checker.getSymbolAtLocation(program.getSourceFile(fileOf(entry)) as ts.SourceFile) as ts.Symbol
  return new Map(checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]))
}

/** The members of an exported type that are no private ones of a class. */
function membersOf (entry: string, name: string): string[] {
  const exported = exportsOf(entry).get(name)
  if (!exported) throw new Error(`'${entry}' does not export ${name}`)
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
  return memberNames(checker.getDeclaredTypeOfSymbol(symbol))
}

function memberNames (type: ts.Type): string[] {
  return checker.getPropertiesOfType(checker.getNonNullableType(type)).map(({ name }) => name).filter((name) => /^\w+$/.test(name))
}

/** The members of an option that is an object, `false` left out. */
function membersOfOption (option: string): string[] {
  const symbol = exportsOf('.').get('ChannelsOptions') as ts.Symbol
  const options = checker.getDeclaredTypeOfSymbol(symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)
  const type = checker.getNonNullableType(checker.getTypeOfSymbol(options.getProperty(option) as ts.Symbol))
  const parts = type.isUnion() ? type.types.filter(({ flags }) => flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) : [type]
  return [...new Set(parts.flatMap(memberNames))]
}

for (const entry of Object.keys(entries)) {
  t.test(`docs: a page explains every export of '${entry}'`, async (t) => {
    const names = [...exportsOf(entry).keys()].filter((name) => name !== 'default')
    t.ok(names.length > 0, 'there are exports')
    t.strictSame(names.filter((name) => !everywhere.has(name)), [])
  })
}

const described: ReadonlyArray<readonly [what: string, entry: string, type: string, prefix: string]> = [
  ['ctx', '.', 'ChannelContext', 'ctx.'],
  ['ctx in a handler', '.', 'MessageContext', 'ctx.'],
  ['an implementation', '.', 'Implementation', ''],
  ['a route', '.', 'WsOptions', ''],
  ['app.channels', '.', 'ChannelsService', 'channels.'],
  ['app.rooms', '.', 'RoomsService', 'rooms.'],
  ['rooms.of(…)', '.', 'Room', 'room.'],
  ['app.registry', '.', 'RegistryService', 'registry.'],
  ['app.heartbeat', '.', 'HeartbeatService', 'heartbeat.'],
  ['the status of a node', '.', 'NodeStatus', 'status.'],
  ['the answer of a node', '.', 'NodeInfo', 'info.'],
  ['a connection', '.', 'ConnectionInfo', 'connection.'],
  ['the error of compare-and-append', '.', 'Behind', 'behind.'],
  ['the test client', './testing', 'TestClient', 'testClient.'],
  ['the fake clock', './testing', 'FakeClock', 'clock.'],
  ['a client', './client', 'TypedClient', 'client.'],
  ['a joined channel', './client', 'TypedChannel', 'channel.'],
  ['a request that failed', './client', 'RequestError', 'error.'],
  ['the end of a connection', './client', 'CloseInfo', 'close.']
]

const inherited = new Set(['name', 'stack', 'cause', 'prototype'])

for (const [what, entry, type, prefix] of described) {
  t.test(`docs: a page explains every member of ${what}`, async (t) => {
    const names = membersOf(entry, type).filter((name) => !inherited.has(name))
    t.ok(names.length > 0, 'there are members')
    t.strictSame(names.map((name) => `${prefix}${name}`).filter((name) => !everywhere.has(name)), [])
  })
}

t.test('docs: docs/options.md explains every option, and the members of those that are objects', async (t) => {
  const nested = ['heartbeat', 'protocolErrors', 'limits', 'sessionCheck', 'redis'].flatMap((option) => membersOfOption(option).map((member) => `${option}.${member}`))
  t.ok(nested.includes('limits.perUser'), 'the members are found')
  t.strictSame([...membersOf('.', 'ChannelsOptions'), ...nested].filter((name) => !inOptions.has(name)), [])
})

t.test('docs: docs/client.md explains every option of connect and of join', async (t) => {
  t.strictSame([...membersOf('./client', 'ConnectOptions'), ...membersOf('./client', 'JoinOptions')].filter((name) => !inClient.has(name)), [])
})

t.test('docs: what no heading and no table names is not explained', async (t) => {
  t.notOk(everywhere.has('ctx.nonsense'))
  t.throws(() => membersOf('.', 'Nonsense'), new Error("'.' does not export Nonsense"))
})
