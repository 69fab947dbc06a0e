import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ToolError } from '../command.ts'

/** A project as fastify-cli generates it. */
export interface ProjectLayout {
  readonly folder: string
  /** The folder of `plugins` and `routes` within it: empty, or `src`. */
  readonly source: string
  readonly language: 'js' | 'ts'
  readonly isEsm: boolean
  /** What the name of an imported file ends with, from the sources, and from the tests. */
  readonly importEnding: string
  readonly testImportEnding: string
  /** The file that registers fastify-channels already. */
  readonly registeredIn: string | undefined
}

const exists = (path: string) => stat(path).then(() => true, () => false)
const readText = (path: string) => readFile(path, 'utf8').catch(() => '')

/**
 * Looks at a project. @param language where it is not that of the presence of `tsconfig.json`
 * @throws {ToolError} where the folder is no such project
 */
export async function readLayout (folder: string, language?: string): Promise<ProjectLayout> {
  const tsconfig = await readText(join(folder, 'tsconfig.json'))
  const chosen = language ?? (tsconfig === '' ? 'js' : 'ts')
  if (chosen !== 'js' && chosen !== 'ts') {
    throw new ToolError(`the value '${chosen}' of the option '--lang'`, 'pass js or ts')
  }
  const source = await exists(join(folder, 'src/routes')) ? 'src' : ''
  const { type } = await readManifest(folder)
  for (const path of [join(source, 'routes'), `test/helper.${chosen}`]) {
    if (await exists(join(folder, path))) continue
    throw new ToolError(`no '${path}' in the folder '${folder}'`,
      'run the command in a project that fastify-cli generated (npx fastify-cli generate)')
  }
  const isEsm = type === 'module'
  const importsSources = /"(allowImportingTsExtensions|rewriteRelativeImportExtensions)"\s*:\s*true/.test(tsconfig)
  return {
    folder,
    source,
    language: chosen,
    isEsm,
    importEnding: !isEsm ? '' : chosen === 'ts' && importsSources ? '.ts' : '.js',
    testImportEnding: isEsm ? '.js' : '',
    registeredIn: await findRegistration(folder, source)
  }
}

async function readManifest (folder: string): Promise<{ readonly type?: unknown }> {
  const text = await readText(join(folder, 'package.json'))
  try {
    return Object(JSON.parse(text)) as { type?: unknown }
  } catch (error) {
    throw new ToolError(`no valid package.json in the folder '${folder}'`, 'run it in the folder of a project', error)
  }
}

/** The file of the application, or of its plugins, that names this package. */
async function findRegistration (folder: string, source: string): Promise<string | undefined> {
  const plugins = await readdir(join(folder, source, 'plugins')).catch(() => [])
  const paths = [...['js', 'ts'].map((kind) => `app.${kind}`), ...plugins.sort().map((name) => join('plugins', name))]
  for (const path of paths.map((path) => join(source, path))) {
    if (/['"]fastify-channels['"]/.test(await readText(join(folder, path)))) return path
  }
}
