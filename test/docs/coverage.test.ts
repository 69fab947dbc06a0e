import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { explained, pages, readPage } from '../support/docs/page.ts'
import { root } from '../support/root.ts'
import { programOf } from '../support/types/program.ts'

/** The name of a code span: of `ctx.broadcast(type, payload)` it is `ctx.broadcast`. */
const nameOf = (code: string) => /^[\w$./-]+/.exec(code)?.[0] ?? code
const onAnyPage = new Set(pages().flatMap(explained).map(nameOf))
const namesOn = (path: string) => new Set(explained(readPage(path)).map(nameOf))
const onServerPage = namesOn('docs/server.md')
const inOptions = namesOn('docs/options.md')
const inClient = namesOn('docs/client.md')
const inReact = namesOn('docs/react.md')

/** The page that explains the members of an entry's types. */
const reference: Readonly<Record<string, ReadonlySet<string>>> = {
  '.': onServerPage,
  './client': inClient,
  './react': inReact,
  './testing': namesOn('docs/guide/testing.md')
}

interface Manifest { readonly exports: Readonly<Record<string, { readonly import: { readonly types: string } }>> }

const { exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
const fileOf = (entry: string) => join(root, entries[entry]?.import.types as string)
const program = programOf(Object.keys(entries).map(fileOf))
const checker = program.getTypeChecker()

function exportsOf (entry: string): Map<string, ts.Symbol> {
  const module = checker.getSymbolAtLocation(program.getSourceFile(fileOf(entry)) as ts.SourceFile) as ts.Symbol
  return new Map(checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]))
}

/** The members of an exported type that are no private ones of a class. */
function membersOf (entry: string, name: string): string[] {
  return memberNames(checker.getDeclaredTypeOfSymbol(exported(entry, name)))
}

function exported (entry: string, name: string): ts.Symbol {
  const symbol = exportsOf(entry).get(name)
  if (!symbol) throw new Error(`'${entry}' does not export ${name}`)
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

function memberNames (type: ts.Type): string[] {
  const names = checker.getPropertiesOfType(checker.getNonNullableType(type)).map(({ name }) => name)
  return names.filter((name) => /^\w+$/.test(name))
}

/** The members of an option that is an object, `false` left out. */
function membersOfOption (option: string): string[] {
  const options = checker.getDeclaredTypeOfSymbol(exported('.', 'ChannelsOptions'))
  const type = checker.getNonNullableType(checker.getTypeOfSymbol(options.getProperty(option) as ts.Symbol))
  const isObject = ({ flags }: ts.Type) => (flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) !== 0
  const parts = type.isUnion() ? type.types.filter(isObject) : [type]
  return [...new Set(parts.flatMap(memberNames))]
}

for (const entry of Object.keys(entries)) {
  t.test(`docs: a page explains every export of '${entry}'`, async (t) => {
    const names = [...exportsOf(entry).keys()].filter((name) => name !== 'default')
    t.ok(names.length > 0, 'there are exports')
    t.strictSame(names.filter((name) => !onAnyPage.has(name)), [])
  })
}

const described: ReadonlyArray<readonly [what: string, entry: string, type: string, prefix: string]> = [
  ['ctx', '.', 'ChannelContext', 'ctx.'],
  ['ctx in a handler', '.', 'MessageContext', 'ctx.'],
  ['an implementation', '.', 'Implementation', ''],
  ['a route', '.', 'WsOptions', ''],
  ['ctx of a route', '.', 'ConnectionContext', 'ctx.'],
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
  ['the end of a connection', './client', 'CloseInfo', 'close.'],
  ['the connection in React', './react', 'ConnectionStatus', 'status.'],
  ['a channel in React', './react', 'ChannelResult', 'result.'],
  ['the provider', './react', 'ChannelsProviderProps', ''],
  ['the options of useChannel', './react', 'HistoryChannelOptions', ''],
  ['the options of a list of messages', './react', 'MessageListOptions', ''],
  ['the options of a reducer', './react', 'ReducerOptions', '']
]

const inherited = new Set(['name', 'stack', 'cause', 'prototype'])

for (const [what, entry, type, prefix] of described) {
  t.test(`docs: the reference explains every member of ${what}`, async (t) => {
    const names = membersOf(entry, type).filter((name) => !inherited.has(name))
    t.ok(names.length > 0, 'there are members')
    t.strictSame(names.map((name) => `${prefix}${name}`).filter((name) => !reference[entry]?.has(name)), [])
  })
}

t.test('docs: docs/options.md explains every option, and the members of those that are objects', async (t) => {
  const options = ['heartbeat', 'drain', 'protocolErrors', 'limits', 'sessionCheck', 'redis', 'asyncapi']
  const nested = options.flatMap((option) => membersOfOption(option).map((member) => `${option}.${member}`))
  t.ok(nested.includes('limits.perUser'), 'the members are found')
  t.strictSame([...membersOf('.', 'ChannelsOptions'), ...nested].filter((name) => !inOptions.has(name)), [])
})

t.test('docs: docs/server.md explains every FST_CHANNELS_ code of the sources', async (t) => {
  const folders = ['lib', 'plugins'].map((folder) => join(root, folder))
  const files = folders.flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts')).map((name) => join(folder, name)))
  const codes = files.flatMap((file) => readFileSync(file, 'utf8').match(/FST_CHANNELS_[A-Z_]*[A-Z]/g) ?? [])
  t.ok(codes.length > 10, 'there are codes')
  t.strictSame([...new Set(codes)].filter((code) => !onServerPage.has(code)), [])
})

t.test('docs: docs/client.md explains every option of connect and of join', async (t) => {
  const names = [...membersOf('./client', 'ConnectOptions'), ...membersOf('./client', 'JoinOptions')]
  t.strictSame(names.filter((name) => !inClient.has(name)), [])
})

t.test('docs: a name in no heading and no table is not explained', async (t) => {
  t.notOk(onAnyPage.has('ctx.nonsense'))
  t.throws(() => membersOf('.', 'Nonsense'), new Error("'.' does not export Nonsense"))
})
