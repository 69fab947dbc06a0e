import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { parse } from 'yaml'
import { asyncApiDocument } from '../../../lib/asyncapi/index.ts'
import { defineChannel, type AnyChannel } from '../../../lib/contract/define-channel.ts'
import { TestClient } from '../../../lib/testing/test-client.ts'
import { runCommand } from '../../../lib/tools/run-command.ts'
import { closed } from '../../support/tools/instance-app.ts'
import { root } from '../../support/root.ts'

const folder = mkdtempSync(join(tmpdir(), 'fastify-channels-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const fileIn = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const appOf = (name: string) => join(root, `dist/test/support/tools/${name}-app.js`)

/** What a command writes, and its exit code. */
async function run (...args: readonly string[]) {
  const texts = { out: '', error: '' }
  const code = await runCommand(args, {
    write: async (text) => { texts.out += text },
    writeError: async (text) => { texts.error += text }
  })
  return { code, ...texts }
}

t.test('cli: it names its commands, and each explains itself', async (t) => {
  for (const args of [[], ['--help'], ['-h'], ['help']]) {
    t.match(await run(...args), { code: 0, out: /^ {2}asyncapi {5}writes/m })
  }
  for (const option of ['--help', '-h']) {
    t.match(await run('asyncapi', option), { code: 0, out: /^Usage: fastify-channels asyncapi <module>/ })
  }
})

t.test('cli: it writes the version of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }
  for (const option of ['--version', '-v']) {
    t.strictSame(await run(option), { code: 0, out: `${version}\n`, error: '' }, option)
  }
})

t.test('cli asyncapi: it writes the document of a plugin, an instance, or contracts', async (t) => {
  const plugin = await run('asyncapi', appOf('plugin'))
  t.match(plugin, { code: 0, error: '' })
  const document = JSON.parse(plugin.out) as object
  t.match(document, { info: { title: 'Plugin' }, channels: { 'ws.quiet': { address: 'quiet' } } })
  t.strictSame(parse((await run('asyncapi', appOf('plugin'), '--yaml')).out), document)
  const file = join(folder, 'document.json')
  t.strictSame(await run('asyncapi', appOf('plugin'), `--out=${file}`), { code: 0, out: '', error: '' })
  t.strictSame(JSON.parse(readFileSync(file, 'utf8')), document)
  t.match(await run('asyncapi', file), { out: plugin.out }, 'a document is itself')
  const yaml = fileIn('document.yml', 'asyncapi: 3.0.0\n')
  t.strictSame(await run('asyncapi', yaml), { code: 0, error: '', out: '{\n  "asyncapi": "3.0.0"\n}\n' })
  const contracts = await run('asyncapi', join(root, 'dist/routes/chat/chat.contract.js'))
  t.match(JSON.parse(contracts.out), { channels: { 'unnamed.chat-room': { address: 'chat/{room}' } } })
})

t.test('cli client: it writes a Python client of an application', async (t) => {
  const { code, out, error } = await run('client', appOf('plugin'), '--python')
  t.strictSame({ code, error }, { code: 0, error: '' })
  t.match(out, /^class Quiet\(Channel\[/m)
  t.match(out, /^class WsClient\(ChannelsClient\[/m)
  const file = join(folder, 'client.py')
  t.strictSame(await run('client', appOf('plugin'), '--python', '--out', file), { code: 0, out: '', error: '' })
  t.equal(readFileSync(file, 'utf8'), out)
})

t.test('cli mock: it serves the contracts of a module, with its handlers, until it is interrupted', async (t) => {
  const contract = JSON.stringify(join(root, 'dist/routes/chat/chat.contract.js'))
  const handlers = "{ 'message.send': () => ({ id: 'mine' }), typing: () => { throw new Error('oops') } }"
  const module = fileIn('mock.mjs', `export * from ${contract}\nexport const on = ${handlers}`)
  const interrupt = new AbortController()
  const errors: string[] = []
  let ended: Promise<number> | undefined
  const text = await new Promise<string>((resolve) => {
    const writeError = async (text: string) => { errors.push(text) }
    const output = { write: async (text: string) => resolve(text), writeError }
    ended = runCommand(['mock', module, '--port=0', '--every=0', '--seed=3'], output, interrupt.signal)
  })
  t.match(text, /^'chat\/:room' on ws:\/\/127\.0\.0\.1:\d+\n$/)
  const client = await TestClient.connect(text.replace(/^.* on /, '').trim())
  await client.request('join', 'chat/lobby')
  t.strictSame((await client.request('message.send', 'chat/lobby', { text: 'x' })).payload, { id: 'mine' })
  await client.request('typing', 'chat/lobby', { active: true })
  t.match(errors, [/^Error: oops\n/])
  interrupt.abort()
  t.equal(await ended, 0)
  await client.closed
})

t.test('cli diff: it says whom the changes of documents break, and ends with 1 when clients break', async (t) => {
  const rooms = [30, 20].map((maxLength, i) => {
    const said = i === 0 ? {} : { said: { payload: Type.Integer() } }
    const say = { payload: Type.Object({ text: Type.String({ maxLength }) }) }
    const contract = defineChannel({ pattern: 'room', fromClient: { say }, fromServer: said } as never)
    return fileIn(`room-${i}.json`, JSON.stringify(asyncApiDocument([{ url: '/ws', contracts: [contract] }])))
  })
  const [old = '', now = ''] = rooms
  const fingerprints = rooms.map((file) => /"x-fingerprint":"(\w+)"/.exec(readFileSync(file, 'utf8'))?.[1])
  t.strictSame(await run('diff', old, now), {
    code: 1,
    error: '',
    out: `Breaks clients of the old contract on the new server:
  route '/ws', channel 'room', fromClient 'say', payload/text: a length of at most 20 is accepted, not 30

Breaks clients of the new contract on the old server, so deploy the server first:
  route '/ws', channel 'room', fromServer 'said': the message is added

Fingerprints:
  route '/ws': ${fingerprints[1]} in place of ${fingerprints[0]}
`
  })
  const json = await run('diff', old, now, '--json')
  t.equal(json.code, 1)
  const breaks = { oldClients: 1, newClients: 1 }
  t.match(JSON.parse(json.out), {
    breaks, changes: [{ direction: 'fromClient' }, {}], fingerprints: [{ route: '/ws', now: fingerprints[1] }]
  })
  t.strictSame(await run('diff', old, old), {
    code: 0,
    error: '',
    out: `No change that means something to a client.\n\nFingerprints:\n  route '/ws': ${fingerprints[0]}, as before\n`
  })
  const contract = join(root, 'dist/routes/chat/chat.contract.js')
  t.match(await run('diff', contract, contract), { code: 0 }, 'modules')
})

t.test('cli diff: changes that break nobody, or only clients of the new contract, pass unless asked', async (t) => {
  const [old = '', noted = '', added = ''] = [{}, { history: 5 }, { history: 9, more: true }].map((parts, i) => {
    const { history = 9, more = false } = parts as { history?: number, more?: boolean }
    const contract = defineChannel({
      pattern: 'room', fromClient: {}, fromServer: more ? { more: {} } : {}, history: { limit: history, ttl: 1 }
    } as never)
    return fileIn(`kept-${i}.json`, JSON.stringify(asyncApiDocument([{ url: '/ws', contracts: [contract] }])))
  })
  t.match(await run('diff', old, noted, '--both'), {
    code: 0,
    error: '',
    out: /^Breaks nobody:\n {2}route '\/ws', channel 'room': 'history.limit': 5 in place of 9\n\n.*\n.*, as before\n$/
  })
  t.equal((await run('diff', old, added)).code, 0)
  t.equal((await run('diff', old, added, '--both')).code, 1)
})

t.test('cli fingerprint: it writes a module for the clients of contracts, or of one route', async (t) => {
  const module = join(root, 'dist/routes/chat/chat.contract.js')
  const { out } = await run('fingerprint', module)
  t.match(out, /^export const fingerprint = '[0-9a-v]{16}'\n$/)
  const file = join(folder, 'fingerprint.mjs')
  t.strictSame(await run('fingerprint', module, '--out', file), { code: 0, out: '', error: '' })
  const { fingerprint } = await import(file) as { readonly fingerprint: string }
  t.equal(out, `export const fingerprint = '${fingerprint}'\n`)
  const [{ chat }, { editor }] = [await import('../../../routes/chat/chat.contract.ts'),
    await import('../../../routes/editor/editor.contract.ts')] as [{ chat: AnyChannel }, { editor: AnyChannel }]
  const routes = [{ url: '/chat', contracts: [chat] }, { url: '/both', contracts: [editor, chat] }]
  const document = fileIn('routes.json', JSON.stringify(asyncApiDocument(routes)))
  t.equal((await run('fingerprint', document, '--route=/chat')).out, out, 'the URL of the route does not count')
  t.notSame((await run('fingerprint', document, '--route=/both')).out, out)
  const before = fileIn('before.json', JSON.stringify(asyncApiDocument(routes.slice(1))))
  t.match((await run('diff', before, document)).out, `route '/chat': ${fingerprint} in place of none`)
  t.match((await run('diff', document, before)).out, `route '/chat': none in place of ${fingerprint}`)
  for (const [option, issue] of [[[], 'has 2 routes'], [['--route', '/x'], "has no route '/x'"]] as const) {
    t.strictSame(await run('fingerprint', document, ...option), {
      code: 2, out: '', error: `'${document}' ${issue}: pass --route with one of its routes: '/chat', '/both'\n`
    })
  }
})

const mistakes: ReadonlyArray<readonly [args: readonly string[], error: string | RegExp]> = [
  [['asyncap'], "unknown command 'asyncap': did you mean 'asyncapi'?\n"],
  [['toString'],
    "unknown command 'toString': use one of 'asyncapi', 'client', 'diff', 'fingerprint', 'generate', 'mock'\n"],
  [['asyncapi'], "wrong number of arguments for the command 'asyncapi': pass <module>\n"],
  [['client', 'app.js'], "no language for the command 'client': pass --python\n"],
  [['mock', fileIn('none.mjs', 'export const n = 1')],
    /^the module '.*' exports no contract: export what defineChannel returns\n$/],
  [['mock', 'a', '--port=x'], "the value 'x' of the option '--port': pass a whole number from 0\n"],
  [['asyncapi', 'a', '--yml'], "unknown option '--yml' of the command 'asyncapi': did you mean '--yaml'?\n"],
  [['asyncapi', 'a', '-o'], "unknown option '-o' of the command 'asyncapi': did you mean '--out'?\n"],
  [['--verison'], "unknown option '--verison': did you mean '--version'?\n"],
  [['-x'], "unknown option '-x': use one of '--help', '--version'\n"],
  [['asyncapi', 'a', '--out'], "no value of the option '--out': pass one, as in --out <out>\n"],
  [['asyncapi', 'a', '--yaml=1'], "a value of the option '--yaml': pass --yaml alone\n"],
  [['asyncapi', 'nothing.js'], "no file 'nothing.js': pass the path of a module\n"],
  [['asyncapi', 'nothing.json'], "no file 'nothing.json': pass the path of a document or a module\n"],
  [['asyncapi', fileIn('broken.json', '{')], /^the file '.*' cannot be read as a document: see its error\nSyntaxError: /],
  [['asyncapi', fileIn('other.json', '{"asyncapi":"2.6.0"}')],
    /^the file '.*' is no AsyncAPI document of version 3: pass one that this package wrote\n$/],
  [['asyncapi', fileIn('broken.mjs', 'throw new TypeError("oops")')],
    /^the module '.*' cannot be loaded: see its error\nTypeError: oops\n/],
  [['asyncapi', fileIn('typed.tsx', '')],
    /^the module '.*' cannot be loaded: compile it, and pass the compiled module\nTypeError \[ERR_UNKNOWN_FILE_EXTENSION/],
  [['asyncapi', fileIn('odd.mjs', 'throw "odd"')], /^the module '.*' cannot be loaded: see its error\nodd\n$/],
  [['asyncapi', fileIn('other.mjs', 'export const n = 1')], new RegExp("^the module '.*' exports neither an " +
    "application nor a contract: export an instance of Fastify as 'app', a plugin by default, or what defineChannel " +
    'returns\n$')],
  [['asyncapi', appOf('broken')],
    /^the application of '.*' does not become ready: see its error\nError: no database\n/],
  [['asyncapi', appOf('instance')], new RegExp("^the application of '.*' has no fastify-channels: register it at its " +
    'root, or in a plugin made with fastify-plugin\n$')]
]

for (const [args, error] of mistakes) {
  t.test(`cli: a mistake is explained, and the exit code is 2: ${args.map((arg) => arg.split('/').at(-1)).join(' ')}`,
    async (t) => {
      const result = await run(...args)
      t.match(result, { code: 2, out: '' })
      if (typeof error === 'string') t.equal(result.error, error)
      else t.match(result.error, error)
    })
}

t.test('cli: an application is closed, also when the command fails', async () => closed)

t.test('cli: the process ends with the exit code of its command', async (t) => {
  const { argv, exit } = process
  const value = (_text: string, done: () => void) => done()
  t.intercept(process.stderr, 'write', { value })
  t.teardown(() => { Object.assign(process, { argv, exit }) })
  process.argv = ['node', 'cli.js', 'nonsense']
  const code = new Promise((resolve) => { process.exit = resolve as never })
  await import('../../../lib/cli.ts')
  t.equal(await code, 2)
})
