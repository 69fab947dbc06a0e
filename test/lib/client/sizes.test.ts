import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'

const features = {
  errorTexts: 'errorTexts',
  presence: 'presence',
  handover: 'handover',
  explanations: 'explanations()',
  tokenRenewal: 'tokenRenewal',
  pageEvents: 'pageEvents()',
  localChecks: 'localChecks'
}

/** A page's client as a browser loads it, minified. */
async function bundle (contents: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: 'lib/client', loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true
  })
  return { metafile, bytes: gzipSync(outputFiles[0]!.contents).length }
}

const core = (names: ReadonlyArray<keyof typeof features>) => bundle(`
  import { ${['connect', ...names].join()} } from './core.ts'
  export const client = connect('/ws', { features: [${names.map((name) => features[name]).join()}] })
`)
const full = () => bundle("import { connect } from './index.ts'; export const client = connect('/ws')")

t.test('sizes: the client is under 10,000 bytes, without TypeBox and Node code', async (t) => {
  const { bytes, metafile } = await full()
  t.comment(`fastify-channels/client: ${bytes} bytes`)
  t.ok(bytes < 10_000, `${bytes} bytes`)
  const inputs = Object.keys(metafile.inputs).filter((path) => path !== '<stdin>')
  t.strictSame(inputs.filter((path) => !/^lib\/(client|protocol|contract)\//.test(path)), [])
  t.strictSame(Object.values(metafile.outputs).flatMap((output) => output.imports), [])
})

t.test('sizes: the core is under 6,500 bytes, and a feature that is not passed is not in the bundle', async (t) => {
  const { bytes, metafile } = await core([])
  t.comment(`fastify-channels/client/core: ${bytes} bytes`)
  t.ok(bytes < 6_500, `${bytes} bytes`)
  const [output] = Object.values(metafile.outputs)
  const used = Object.entries(output!.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  t.strictSame(used.map(([path]) => path).filter((path) => path.startsWith('lib/client/features/')), [
    'lib/client/features/basic-steps.ts'
  ])
  for (const name of Object.keys(features) as Array<keyof typeof features>) {
    t.comment(`${name}: ${(await core([name])).bytes - bytes} bytes`)
  }
})
