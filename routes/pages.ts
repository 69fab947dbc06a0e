import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's folder: this file runs from `routes/` and, compiled, from `dist/routes/`. */
export const root = packageRoot(dirname(fileURLToPath(import.meta.url)))

/** The folder of the built pages. The demo serves it at `/`. */
export const pagesFolder = join(root, 'dist/pages')

function packageRoot (folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : packageRoot(dirname(folder))
}
