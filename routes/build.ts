import { cp, mkdir, readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { argv } from 'node:process'
import { build } from 'esbuild'
import { pagesFolder, root } from './pages.ts'

/** Each demo with a page: `routes/<name>/page/` becomes `/<name>/`. */
const demos = ['chat', 'dashboard', 'editor']

/** `node dist/routes/build.js [folder]` bundles the start page and the page of every demo. */
async function buildPages (target = pagesFolder): Promise<void> {
  await buildPage('home', target)
  await Promise.all(demos.map((name) => buildPage(name, join(target, name))))
}

async function buildPage (name: string, target: string): Promise<void> {
  const source = join(root, 'routes', name, 'page')
  const files = await readdir(source)
  await mkdir(target, { recursive: true })
  await bundle(files.filter(isEntry).map((file) => join(source, file)), target)
  await Promise.all(files.filter(isAsset).map((file) => cp(join(source, file), join(target, file))))
}

async function bundle (entryPoints: string[], outdir: string): Promise<void> {
  await build({
    entryPoints,
    outdir,
    bundle: true,
    minify: true,
    sourcemap: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning'
  })
}

const isEntry = (file: string) => file === 'main.ts' || file === 'style.css'
const isAsset = (file: string) => !['.ts', '.css'].includes(extname(file))

await buildPages(argv[2])
