import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'

/** The entries that a browser loads, with their greatest sizes: minified, compressed, without React and TypeBox. */
const entries = { client: 8300, react: 2000, contract: 2000 }

for (const [entry, limit] of Object.entries(entries)) {
  t.test(`size: the bundle of fastify-channels/${entry} is under ${limit} bytes`, async (t) => {
    const { outputFiles } = await build({
      entryPoints: [`lib/${entry}/index.ts`],
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      external: ['react', '@sinclair/*'],
      write: false
    })
    const size = gzipSync(outputFiles[0]!.contents).length
    t.comment(`fastify-channels/${entry}: ${size} bytes`)
    t.ok(size < limit, `${size} bytes are under ${limit}`)
  })
}
