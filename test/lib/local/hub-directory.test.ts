import { chmodSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findHub } from '../../../lib/local/hub/find-hub.ts'
import { maxAddressBytes, openHubDirectory } from '../../../lib/local/hub/hub-directory.ts'
import { hubPaths } from '../../support/conformance/local-adapters.ts'

const newPath = hubPaths(t)
const modeOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8)

t.test('local: the directory of the hub is made with the mode 0700, and others could not make it', async (t) => {
  const path = join(newPath(), 'deep', 'hub')
  openHubDirectory(path)
  t.strictSame([modeOf(path), modeOf(join(path, '..'))], ['700', '700'])
  const refuses = (path: string, message: RegExp) => t.throws(() => openHubDirectory(path), { message }, `${message}`)
  chmodSync(path, 0o770)
  refuses(path, /open to other users: give it the mode 0700/)
  chmodSync(path, 0o700)
  chmodSync(join(path, '..'), 0o770)
  refuses(path, /other users can write in '.*deep'/)
  chmodSync(join(path, '..'), 0o1777)
  openHubDirectory(path)
  writeFileSync(join(path, 'file'), '')
  refuses(join(path, 'file'), /EEXIST/)
  mkdirSync(join(path, 'real'), { mode: 0o700 })
  symlinkSync('real', join(path, 'symlink'))
  refuses(join(path, 'symlink'), /is no directory/)
  t.intercept(process, 'geteuid', { value: () => 12_345 })
  refuses(path, /deep\/hub' belongs to another user/)
})

t.test('local: a directory in that of another user is refused, apart from that of the system', async (t) => {
  const path = join(newPath(), 'hub')
  openHubDirectory(path)
  const { uid } = lstatSync(path)
  if (uid !== 0) return t.pass('only root can give a directory away')
  const { chownSync } = await import('node:fs')
  chownSync(join(path, '..'), 12_345, -1)
  t.throws(() => openHubDirectory(path), { message: /belongs to another user: pass a path of your own/ })
  chownSync(join(path, '..'), 0, -1)
  chownSync(path, 12_345, -1)
  t.throws(() => openHubDirectory(path), { message: /belongs to another user: pass a path of your own/ })
})

t.test('local: a path may have as many bytes as the address of a socket', async (t) => {
  const folder = newPath()
  const ofLength = (bytes: number, name = 'ü') => join(folder, name.repeat(bytes)).slice(0, bytes)
  t.throws(() => openHubDirectory(ofLength(maxAddressBytes + 1, 'x')), {
    message: `its path has ${maxAddressBytes + 1} bytes: pass one of at most ${maxAddressBytes}`
  })
  t.throws(() => openHubDirectory(ofLength(maxAddressBytes)), { message: /^its path has \d+ bytes/ }, 'bytes count')
  const longest = ofLength(maxAddressBytes, 'x')
  const found = await findHub(openHubDirectory(longest))
  t.ok('server' in found && found.server.close(), 'the longest path can be used')
  const other = openHubDirectory(`${longest.slice(0, -1)}y`)
  t.not(openHubDirectory(longest).path, other.path, 'another path is another hub')
  const deep = join(folder, 'x'.repeat(maxAddressBytes - folder.length - 10), 'hub')
  t.throws(() => openHubDirectory(deep), { message: /leaves no room for the names of sockets/ })
})

t.test('local: without a path it follows from the user and the application', async (t) => {
  const folder = newPath()
  const before = process.env['XDG_RUNTIME_DIR']
  process.env['XDG_RUNTIME_DIR'] = folder
  t.teardown(() => {
    delete process.env['XDG_RUNTIME_DIR']
    if (before !== undefined) process.env['XDG_RUNTIME_DIR'] = before
  })
  const pathFor = (main: string | undefined, cwd = '/srv/app') => {
    const argv = t.intercept(process, 'argv', { value: [process.execPath, ...main === undefined ? [] : [main]] })
    t.intercept(process, 'cwd', { value: () => cwd })
    const { path } = openHubDirectory(true)
    argv.restore()
    return path
  }
  const here = import.meta.filename
  const path = pathFor(here)
  t.match(path, join(folder, `fastify-channels-${process.geteuid?.()}/`))
  t.equal(pathFor(join(here, '..', 'other.js')), path, 'another script of the package')
  t.not(pathFor(here, '/srv/other'), path, 'another working directory')
  t.not(pathFor('/srv/app/main.js'), path, 'another package')
  t.equal(pathFor('/srv/app/node_modules/.bin/fastify'), pathFor('/srv/app/main.js'), 'a command in the package')
  t.ok(pathFor(undefined), 'no script')
})

t.test('local: of 50 processes that look for a hub at once, one becomes it', async (t) => {
  const path = newPath()
  for (let generation = 1; generation <= 12; generation++) {
    const searches = Array.from({ length: generation === 1 ? 50 : 5 }, () => findHub(openHubDirectory(path)))
    const found = await Promise.all(searches)
    const hubs = found.flatMap((one) => 'server' in one ? [one] : [])
    t.strictSame(hubs.map((hub) => hub.generation), [generation], 'one hub, of the next generation')
    for (const one of found) if ('socket' in one) one.socket.on('error', () => {}).destroy()
    hubs[0]?.server.close()
  }
  const directory = openHubDirectory(path)
  t.equal(directory.newest(), 12)
  t.throws(() => lstatSync(directory.hubAddress(3)), 'older names are removed')
  t.ok(lstatSync(directory.hubAddress(4)), 'newer ones stay for processes that stand still')
  t.equal(directory.claim(3, 's.late'), false, 'a claim of a generation that is over is none')
})

t.test('local: an address that can be neither used nor replaced is an error', async (t) => {
  const directory = openHubDirectory(newPath())
  symlinkSync('h.1', directory.hubAddress(1))
  await t.rejects(findHub(directory), { code: 'ELOOP' })
  rmSync(directory.path, { recursive: true })
  t.throws(() => directory.claim(1, 's.none'), { code: 'ENOENT' })
})
