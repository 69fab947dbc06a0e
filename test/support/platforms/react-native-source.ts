import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { cacheFolder, install } from '../versions/runtimes.ts'

/** What the JavaScript part of React Native gets from its native part. */
const native: Readonly<Record<string, string>> = {
  TurboModuleRegistry: `export const get = (name) => globalThis.nativeModules[name]
    export const getEnforcing = get`,
  BlobManager: 'export default { isAvailable: false }',
  Platform: "export default { OS: 'android' }"
}

/** The files of React Native that an application gets as globals. */
const entry = `export { default as WebSocket } from './Libraries/WebSocket/WebSocket.js'
  export { URL } from './Libraries/Blob/URL.js'
  export { default as emitter } from './Libraries/EventEmitter/RCTDeviceEventEmitter.js'`

/** A bundle of the own WebSocket and URL of this version of React Native. Downloads its source at the first use. */
export async function bundleReactNative (version: string): Promise<string> {
  const source = sourceOf(version)
  // Without the other 200 packages of an application.
  const needs = ['flow-remove-types', 'base64-js', 'invariant', 'abort-controller']
  if (!needs.every((name) => existsSync(join(cacheFolder, 'node_modules', name)))) install(...needs)
  const withoutTypes = createRequire(join(cacheFolder, 'x.js'))('flow-remove-types') as
    (text: string, options: { readonly all: boolean }) => { toString (): string }
  const outfile = join(source, 'globals.mjs')
  await build({
    stdin: { contents: entry, resolveDir: source },
    bundle: true,
    format: 'esm',
    outfile,
    platform: 'neutral',
    mainFields: ['main'],
    nodePaths: [join(cacheFolder, 'node_modules')],
    define: { __DEV__: 'false' },
    plugins: [{
      name: 'flow',
      setup (build) {
        build.onResolve({ filter: /(TurboModuleRegistry|BlobManager|Platform)$/ }, ({ path }) =>
          ({ path: basename(path), namespace: 'native' }))
        build.onLoad({ filter: /.*/, namespace: 'native' }, ({ path }) => ({ contents: native[path]! }))
        build.onLoad({ filter: /\/(Libraries|src)\/.*\.js$/ }, ({ path }) =>
          ({ contents: withoutTypes(readFileSync(path, 'utf8'), { all: true }).toString() }))
      }
    }]
  })
  return outfile
}

function sourceOf (version: string): string {
  const folder = join(cacheFolder, `react-native-${version}`)
  if (existsSync(folder)) return join(folder, 'package')
  mkdirSync(folder, { recursive: true })
  const flags = ['--silent', '--pack-destination', folder]
  const [archive = ''] = execFileSync('npm', ['pack', ...flags, `react-native@${version}`], { encoding: 'utf8' })
    .trim().split('\n').slice(-1)
  execFileSync('tar', ['xzf', join(folder, archive), '-C', folder])
  return join(folder, 'package')
}
