import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'

/** The size of an entry as a browser loads it: minified, compressed, without React and TypeBox. */
async function sizeOf (entry: string): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [`lib/${entry}/index.ts`],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    external: ['react', '@sinclair/*'],
    write: false
  })
  return gzipSync(outputFiles[0]!.contents).length
}

// The test of the client holds the size of the client.
t.test('size: the hooks for React are under 2,100 bytes', async (t) => {
  for (const entry of ['client', 'react', 'contract']) t.comment(`${entry}: ${await sizeOf(entry)} bytes`)
  t.ok(await sizeOf('react') < 2100)
})
