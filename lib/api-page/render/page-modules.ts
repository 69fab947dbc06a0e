import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** The script of a page, as the files of this package that it consists of. */
export interface PageModules {
  /** Changes whenever one of the files does, so that browsers may keep them. */
  readonly version: string
  /** The file that the page loads. */
  readonly entry: string
  /** The text of each file by its path. Nothing else is served. */
  readonly files: ReadonlyMap<string, string>
}

/** The folder of the ES modules, also in the CommonJS build: a browser cannot load that one. */
const folder = join(import.meta.dirname.replace(/cjs(?=.lib.api-page.render$)/, '.'), '../..')

const relativeImport = /^(?:import|export) (?:[^'"]* from )?['"](\.[^'"]*)['"]/gm

/** Reads the script and everything that it imports. */
export function readPageModules (entry = 'api-page/browser/main.js'): PageModules {
  const files = new Map<string, string>()
  const found = new Set([entry])
  for (const path of found) {
    const text = readFileSync(join(folder, path), 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '')
    files.set(path, text)
    for (const [, imported] of text.matchAll(relativeImport)) {
      found.add(posix.join(posix.dirname(path), imported as string))
    }
  }
  const version = createHash('sha256').update(JSON.stringify([...files])).digest('hex').slice(0, 16)
  return { version, entry, files }
}
