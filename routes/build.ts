import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { argv } from 'node:process'
import { build } from 'esbuild'
import { pagesFolder, root } from './pages.ts'

/** Each demo with a page: `routes/<name>/page/` becomes `/<name>/`. */
const demos = ['chat', 'chat-react', 'dashboard', 'editor']

/** `node dist/routes/build.js [folder]` bundles the start page and the page of every demo. */
async function buildPages (target = pagesFolder): Promise<void> {
  await buildPage('home', target)
  await Promise.all(demos.map(async (name) => {
    await buildPage(name, join(target, name))
    await copySource(name, join(target, name, 'source'))
  }))
}

/** Copies the demo's source as plain text, with an index page, so that readers can look at it in the browser. */
async function copySource (name: string, target: string): Promise<void> {
  const source = join(root, 'routes', name)
  const files = (await readdir(source, { recursive: true })).filter((file) =>
    ['.ts', '.tsx', '.html', '.css'].includes(extname(file))).sort()
  for (const file of files) await cp(join(source, file), join(target, `${file}.txt`))
  const links = files.map((file) => `<li><a href="${file}.txt">${file}</a></li>`)
  await writeFile(join(target, 'index.html'), `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>routes/${name}</title>
<link rel="stylesheet" href="../../style.css">
<main><h1>routes/${name}</h1><ul>${links.join('')}</ul></main>
</html>
`)
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

const isEntry = (file: string) => ['main.ts', 'main.tsx', 'style.css'].includes(file)
const isAsset = (file: string) => !['.ts', '.tsx', '.css'].includes(extname(file))

await buildPages(argv[2])
