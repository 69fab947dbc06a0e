import { readFileSync, readdirSync } from 'node:fs'
import { posix } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { root } from './support/root.ts'

interface Import {
  /** A path of this repository, or the name of a package. */
  readonly of: string
  /** Gone once compiled. */
  readonly asType: boolean
  /** Loaded when the code asks for it. */
  readonly isLazy?: true
}

/** One source file, as far as the layout is concerned. */
interface Module {
  readonly path: string
  readonly imports: readonly Import[]
  readonly usesConsole: boolean
}

/** What may be imported: folders, single files, or `types of` either. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'lib/protocol': [],
  'lib/contract': ['lib/protocol'],
  'lib/client': ['lib/contract', 'lib/protocol'],
  'lib/react': ['lib/client', 'lib/contract', 'lib/protocol'],
  'lib/asyncapi': ['lib/contract', 'lib/protocol'],
  'lib/api-page': ['lib/asyncapi', 'lib/client', 'lib/contract', 'lib/protocol'],
  'lib/limits': ['lib/protocol'],
  'lib/connection': ['lib/limits', 'lib/protocol'],
  'lib/cluster': ['lib/protocol'],
  'lib/adapter.ts': ['lib/cluster'],
  'lib/history': ['lib/cluster', 'lib/protocol'],
  'lib/rooms': ['lib/history', 'lib/cluster', 'lib/protocol'],
  'lib/server': [
    'lib/rooms', 'lib/history', 'lib/cluster', 'lib/connection', 'lib/limits', 'lib/contract', 'lib/protocol'
  ],
  'lib/memory': ['lib/cluster', 'lib/protocol'],
  'lib/local': ['lib/memory', 'lib/cluster', 'lib/protocol'],
  'lib/redis': ['lib/cluster', 'lib/protocol'],
  'lib/testing': ['lib'],
  'lib/tools': ['lib'],
  'lib/cli.ts': ['lib/tools'],
  plugins: ['lib'],
  routes: []
}

/** Small things that several layers need, and that need no layer. */
const common = [
  'lib/clock.ts', 'lib/coalesced-task.ts', 'lib/deadlines.ts', 'lib/logger.ts', 'lib/multi-map.ts', 'lib/new-id.ts'
]

const within = (path: string, place: string) => path === place || path.startsWith(`${place}/`)
const isOurs = (path: string) => /^(lib|plugins|routes|test)\//.test(path)
const layerOf = (path: string) => Object.keys(allowed).find((layer) => within(path, layer))

function permits (entry: string, { of, asType }: Import): boolean {
  return entry.startsWith('types of ') ? asType && within(of, entry.slice('types of '.length)) : within(of, entry)
}

function againstDirection ({ path, imports }: Module): string[] {
  const layer = layerOf(path)
  if (layer === undefined && !common.includes(path)) return [`${path} is in no layer`]
  const entries = [...common, ...layer === undefined ? [] : [layer, ...allowed[layer] ?? []]]
  return imports.filter((i) => isOurs(i.of) && !entries.some((entry) => permits(entry, i))).map(({ of }) =>
    `${path} imports ${of}`)
}

/** The only file of lib that makes an application. */
const appLoader = 'lib/tools/load-app.ts'

function foreignPackages ({ path, imports }: Module): string[] {
  if (path === appLoader) return []
  const refused = (of: string) => isPackage(of, 'fastify') || of.startsWith('@fastify/') ||
    (isPackage(of, 'react') && !within(path, 'lib/react')) ||
    (within(path, 'lib/protocol') && !(path === 'lib/protocol/read-envelope.ts' && of === 'secure-json-parse'))
  return within(path, 'lib')
    ? imports.filter(({ of }) => !isOurs(of) && refused(of)).map(({ of }) => `${path} imports ${of}`)
    : []
}

const isPackage = (specifier: string, name: string) => within(specifier, name) || specifier.startsWith(`${name}-`)

/** What a browser would load with the client and cannot, or should not. */
function heavyForClient (modules: readonly Module[]): string[] {
  const byPath = new Map(modules.map((m) => [m.path, m]))
  const loaded = new Set(modules.filter(({ path }) => within(path, 'lib/client') || within(path, 'lib/react')))
  for (const { path, imports } of loaded) {
    for (const { of, asType } of imports) {
      const next = asType ? undefined : byPath.get(of)
      if (next) loaded.add(next)
      else if (!asType && /^(node:|ws$|@sinclair\/)/.test(of)) return [`the client loads ${of} through ${path}`]
    }
  }
  return []
}

/** Everything that loads with a module, apart from what is loaded later. */
function loadedWith (entry: string, modules: readonly Module[]): string[] {
  const byPath = new Map(modules.map((m) => [m.path, m]))
  const loaded = new Set([entry])
  for (const path of loaded) {
    for (const { of, asType, isLazy } of byPath.get(path)?.imports ?? []) if (!asType && !isLazy) loaded.add(of)
  }
  return [...loaded]
}

/** `entries`: the files that the package exports. */
function badNames ({ path }: Module, entries: readonly string[]): string[] {
  const name = posix.basename(path)
  const folders = within(path, 'lib') ? path.split('/').length - 2 : 0
  return [
    ...folders > 2 ? [`${path} is more than two folders deep`] : [],
    .../^(utils?|types|helpers)\.ts$/.test(name) || /\/utils?\//.test(path) ? [`${path} does not say what it is`] : [],
    ...name === 'index.ts' && !entries.includes(path) ? [`${path} is no public entry`] : []
  ]
}

/** Everything that is wrong with the layout of `modules`. */
function faults (modules: readonly Module[], entries: readonly string[]): string[] {
  return [
    ...modules.flatMap(againstDirection),
    ...modules.flatMap(foreignPackages),
    ...heavyForClient(modules),
    ...modules.flatMap((m) => badNames(m, entries)),
    ...modules.filter(({ usesConsole }) => usesConsole).map(({ path }) => `${path} uses console`)
  ]
}

const parsed = new Map<string, ts.SourceFile>()

/** The syntax tree of a text. Each text is parsed once. */
function parse (path: string, text: string): ts.SourceFile {
  const known = parsed.get(`${path}\n${text}`)
  if (known) return known
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  parsed.set(`${path}\n${text}`, source)
  return source
}

function moduleOf (path: string, text: string): Module {
  const imports: Import[] = []
  let usesConsole = false
  const visit = (node: ts.Node): void => {
    const found = importOf(node)
    if (found) {
      imports.push({
        ...found, of: found.of.startsWith('.') ? posix.join(posix.dirname(path), found.of) : found.of
      })
    }
    if (ts.isPropertyAccessExpression(node) && isConsole(node.expression)) usesConsole = true
    ts.forEachChild(node, visit)
  }
  visit(parse(path, text))
  return { path, imports, usesConsole }
}

const isConsole = (node: ts.Node) => ts.isIdentifier(node) && node.text === 'console'

function importOf (node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node)) return { of: textOf(node.moduleSpecifier), asType: isTypeImport(node.importClause) }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
    return {
      of: textOf(node.moduleSpecifier), asType: isTypeExport(node)
    }
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return {
      of: textOf(node.argument.literal), asType: true
    }
  }
  if (ts.isCallExpression(node) &&
    node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return { of: textOf(node.arguments[0]), asType: false, isLazy: true }
  }
}

const textOf = (node: ts.Node | undefined) => node && ts.isStringLiteral(node) ? node.text : 'what is computed'

// `import { type A }` leaves `import {}` behind, which still loads the file; only `import type` leaves nothing.
const isTypeImport = (clause: ts.ImportClause | undefined) => clause?.phaseModifier === ts.SyntaxKind.TypeKeyword
const isTypeExport = (node: ts.ExportDeclaration) => node.isTypeOnly

function sources (folder: string): string[] {
  return readdirSync(posix.join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => posix.relative(root, posix.join(entry.parentPath, entry.name)))
}

const paths = ['lib', 'plugins', 'routes'].flatMap(sources)
const readText = (path: string) => readFileSync(posix.join(root, path), 'utf8')
const modules = paths.map((path) => moduleOf(path, readText(path)))

/** The sources of what the package exports: `dist/lib/client/index.js` is `lib/client/index.ts`. */
function publicEntries (): string[] {
  const { exports } = JSON.parse(readText('package.json')) as {
    exports: Record<string, { import: { default: string } }>
  }
  return Object.values(exports).map((entry) => entry.import.default.replace('./dist/', '').replace(/\.js$/, '.ts'))
}

t.test('imports point one way, names say what they are, and nothing prints', async (t) => {
  t.strictSame(faults(modules, publicEntries()), [])
})

/** The first circle of imports, as a list of paths; types count too, because a reader follows them. */
function importCircle (modules: readonly Module[]): string[] | undefined {
  const byPath = new Map(modules.map((m) => [m.path, m]))
  const done = new Set<string>()
  const visit = (path: string, above: readonly string[]): string[] | undefined => {
    if (above.includes(path)) return [...above.slice(above.indexOf(path)), path]
    if (done.has(path)) return undefined
    for (const { of } of byPath.get(path)?.imports ?? []) {
      const circle = byPath.has(of) ? visit(of, [...above, path]) : undefined
      if (circle) return circle
    }
    done.add(path)
    return undefined
  }
  for (const { path } of modules) {
    const circle = visit(path, [])
    if (circle) return circle
  }
  return undefined
}

/** Words of the old vocabulary, which docs/glossary.md replaces. */
const oldWords = new Set([
  'batch', 'effects', 'everywhere', 'exchange', 'farewell', 'feed', 'gate', 'inbox', 'keyframe', 'link',
  'logged', 'manners', 'once', 'outbox', 'patience', 'place', 'places', 'questions', 'sound', 'spot',
  'surroundings', 'tail', 'tally', 'told', 'turn', 'violation', 'violations', 'wake'
])

const wordsOf = (name: string) => name.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase().split(/[^a-z]+/)

/** The names that a file exports. */
function exportedNames (path: string, text: string): string[] {
  const isExported = (node: ts.Statement) => ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  return parse(path, text).statements.filter(isExported).flatMap((node) => {
    if (ts.isVariableStatement(node)) return node.declarationList.declarations.map(({ name }) => name.getText())
    return 'name' in node ? [(node.name as ts.Identifier).text] : []
  })
}

/** Every name with an old word: `lib/rooms/feed.ts` or `lib/rooms/room.ts: Feed`. */
function oldNames (path: string, text: string): string[] {
  const isOld = (name: string) => wordsOf(name).some((word) => oldWords.has(word))
  return [
    ...isOld(path) ? [path] : [],
    ...exportedNames(path, text).filter(isOld).map((name) => `${path}: ${name}`)
  ]
}

t.test('layout: no import leads back to where it came from', async (t) => {
  t.strictSame(importCircle(modules), undefined)
  const circle = [moduleOf('lib/a.ts', "import './b.ts'"), moduleOf('lib/b.ts', "import type { A } from './a.ts'")]
  t.strictSame(importCircle(circle), ['lib/a.ts', 'lib/b.ts', 'lib/a.ts'], 'a circle is found')
})

t.test('layout: every folder of lib and plugins holds 4 to 10 files', async (t) => {
  const sizes = new Map<string, number>()
  for (const path of paths.filter((path) => !within(path, 'routes'))) {
    sizes.set(posix.dirname(path), (sizes.get(posix.dirname(path)) ?? 0) + 1)
  }
  sizes.delete('lib')
  t.strictSame([...sizes].filter(([, files]) => files < 4 || files > 10), [])
})

t.test('layout: no file and no exported name uses the old vocabulary', async (t) => {
  const named = paths.filter((path) => !within(path, 'routes'))
  t.strictSame(named.flatMap((path) => oldNames(path, readText(path))), [])
  t.strictSame(oldNames('lib/rooms/feed.ts', 'export class RoomTail {}\nexport const told = 1'),
    ['lib/rooms/feed.ts', 'lib/rooms/feed.ts: RoomTail', 'lib/rooms/feed.ts: told'], 'old names are found')
})

/** What only those load who ask for it: documents, tools, the testing kit, and the packages that these need. */
const onDemand = /^(lib\/(api-page|asyncapi|testing|tools)\/|lib\/cli\.ts$|yaml$|fast-check$|typescript$)/

const runtimeEntries = publicEntries().filter((entry) => !onDemand.test(entry))

t.test('layout: no entry of the package loads documents, tools or the testing kit without being asked', async (t) => {
  t.match(runtimeEntries, ['plugins/channels.ts', 'lib/adapter.ts', 'lib/contract/index.ts', 'lib/client/index.ts'])
  t.ok(loadedWith('plugins/channels.ts', modules).length > 100, 'the plugin loads modules')
  for (const entry of runtimeEntries) {
    t.strictSame(loadedWith(entry, modules).filter((path) => onDemand.test(path)), [], entry)
  }
  const graph = [
    moduleOf('a.ts', "import('./b.ts')\nimport './c.ts'\nimport type { D } from './lib/testing/d.ts'"),
    moduleOf('c.ts', "export * from './lib/tools/e.ts'\nimport 'yaml'")
  ]
  t.strictSame(loadedWith('a.ts', graph).filter((path) => onDemand.test(path)), ['lib/tools/e.ts', 'yaml'])
})

t.test('the lockfile names no registry', async (t) => {
  t.notMatch(readText('package-lock.json'), /"resolved"/)
})

t.test('the layout is refused where it breaks a rule', async (t) => {
  const cases: ReadonlyArray<readonly [path: string, text: string, fault: string]> = [
    [
      'lib/protocol/encoding.ts',
      "import { pattern } from '../contract/pattern.ts'",
      'lib/protocol/encoding.ts imports lib/contract/pattern.ts'
    ],
    [
      'lib/protocol/encoding.ts',
      "import { parse } from 'secure-json-parse'",
      'lib/protocol/encoding.ts imports secure-json-parse'
    ],
    [
      'lib/contract/compile.ts',
      "import type { Node } from '../server/node.ts'",
      'lib/contract/compile.ts imports lib/server/node.ts'
    ],
    [
      'lib/rooms/rooms.ts',
      "export type * from '../memory/memory-adapter.ts'",
      'lib/rooms/rooms.ts imports lib/memory/memory-adapter.ts'
    ],
    [
      'lib/server/node.ts',
      "const plugin = await import('../../plugins/rooms.ts')",
      'lib/server/node.ts imports plugins/rooms.ts'
    ],
    ['lib/server/node.ts', "type Request = import('fastify').FastifyRequest", 'lib/server/node.ts imports fastify'],
    ['lib/server/node.ts', "import fp from 'fastify-plugin'", 'lib/server/node.ts imports fastify-plugin'],
    ['lib/testing/client.ts', "import jwt from '@fastify/jwt'", 'lib/testing/client.ts imports @fastify/jwt'],
    [
      'lib/clock.ts',
      "import { closeEvents } from './protocol/close-events.ts'",
      'lib/clock.ts imports lib/protocol/close-events.ts'
    ],
    [
      'plugins/rooms.ts',
      "import { chat } from '../routes/chat/chat.contract.ts'",
      'plugins/rooms.ts imports routes/chat/chat.contract.ts'
    ],
    [
      'lib/client/transport/connection.ts',
      "import { type WebSocket } from 'ws'",
      'the client loads ws through lib/client/transport/connection.ts'
    ],
    [
      'lib/client/connect.ts',
      "import { useState } from 'react'",
      'lib/client/connect.ts imports react'
    ],
    [
      'lib/client/connect.ts',
      "import { useClient } from '../react/provider.ts'",
      'lib/client/connect.ts imports lib/react/provider.ts'
    ],
    ['lib/react/provider.ts', "import 'ws'", 'the client loads ws through lib/react/provider.ts'],
    ['lib/misc.ts', '', 'lib/misc.ts is in no layer'],
    ['lib/rooms/types.ts', '', 'lib/rooms/types.ts does not say what it is'],
    ['lib/rooms/utils/map.ts', '', 'lib/rooms/utils/map.ts does not say what it is'],
    ['lib/rooms/index.ts', '', 'lib/rooms/index.ts is no public entry'],
    ['lib/redis/history/scripts/append.ts', '', 'lib/redis/history/scripts/append.ts is more than two folders deep'],
    ['lib/rooms/room.ts', 'console.log(1)', 'lib/rooms/room.ts uses console']
  ]
  for (const [path, text, fault] of cases) t.strictSame(faults([moduleOf(path, text)], []), [fault], fault)
})

t.test('the client is refused what it would load through another file', async (t) => {
  const graph = (keyword: string) => [
    moduleOf('lib/client/join.ts', `${keyword} { addressOf } from '../contract/address.ts'`),
    moduleOf('lib/contract/address.ts', "import { Type } from '@sinclair/typebox'")
  ]
  t.strictSame(faults(graph('import'), []), ['the client loads @sinclair/typebox through lib/contract/address.ts'])
  t.strictSame(faults(graph('import type'), []), [])
})

t.test('the layout allows what the design allows', async (t) => {
  const graph = [
    moduleOf(
      'lib/protocol/read-envelope.ts',
      "import { parse } from 'secure-json-parse'; import { closeEvents } from './close-events.ts'"
    ),
    moduleOf(
      'lib/rooms/rooms.ts',
      "import type { Adapter } from '../cluster/adapter.ts'; import type { Clock } from '../clock.ts'"
    ),
    moduleOf('lib/client/index.ts', "export * from './connect.ts'"),
    moduleOf('plugins/rooms.ts', "import fp from 'fastify-plugin'; import { Rooms } from '../lib/rooms/rooms.ts'")
  ]
  t.strictSame(faults(graph, ['lib/client/index.ts']), [])
})
