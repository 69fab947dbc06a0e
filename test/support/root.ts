import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's folder, with a slash at its end. Tests run as JavaScript from `dist/test/`. */
export const root = `${packageRoot(dirname(fileURLToPath(import.meta.url)))}/`

function packageRoot (folder: string): string {
  return existsSync(`${folder}/package.json`) ? folder : packageRoot(dirname(folder))
}
