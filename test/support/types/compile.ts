import { basename, dirname, join } from 'node:path'
import ts from 'typescript'
import { root } from '../root.ts'

/**
 * Where the sources given to `compile` seem to be: relative imports of them lead to the built package, to what its
 * users get.
 */
const folder = join(root, 'dist/types/given')

export interface Compiled {
  /** One for each error: `file.ts(line): message`. */
  readonly errors: readonly string[]
  /** How many types the compiler made of others: what a large contract costs, whatever the machine. */
  readonly instantiations: number
}

/**
 * Compiles sources that are not on disk, as a program of their own: its declarations merge with no one else's. `lib`,
 * `plugins` and packages are imported as from any file in `dist/types/given/`.
 */
export function compile (sources: Readonly<Record<string, string>>): Compiled {
  const given = new Map(Object.entries(sources).map(([name, text]) => [join(folder, name), text]))
  const program = ts.createProgram({ rootNames: [...given.keys()], options: options(), host: hostWith(given) })
  const errors = ts.getPreEmitDiagnostics(program).map(described)
  return { errors, instantiations: program.getInstantiationCount() }
}

function options (): ts.CompilerOptions {
  const path = join(root, 'tsconfig.json')
  const file = ts.readConfigFile(path, ts.sys.readFile)
  return ts.parseJsonConfigFileContent(
    { ...file.config, include: [], files: [] }, ts.sys, root, undefined, path
  ).options
}

/** Source files on disk, parsed once for all programs of this process: parsing the libraries takes most of the time. */
const parsed = new Map<string, ts.SourceFile | undefined>()

function hostWith (given: ReadonlyMap<string, string>): ts.CompilerHost {
  const host = ts.createCompilerHost(options())
  const { fileExists, readFile, directoryExists, getSourceFile } = host
  host.readFile = (path) => given.get(path) ?? readFile(path)
  host.fileExists = (path) => given.has(path) || fileExists(path)
  host.directoryExists = (path) => path === folder || directoryExists?.(path) === true
  host.getSourceFile = (path, target) => {
    const text = given.get(path)
    if (text !== undefined) return ts.createSourceFile(path, text, target)
    if (!parsed.has(path)) parsed.set(path, getSourceFile(path, target))
    return parsed.get(path)
  }
  return host
}

function described ({ file, start = 0, messageText }: ts.Diagnostic): string {
  const message = ts.flattenDiagnosticMessageText(messageText, '\n')
  if (!file) return message
  const place = dirname(file.fileName) === folder ? basename(file.fileName) : file.fileName
  return `${place}(${file.getLineAndCharacterOfPosition(start).line + 1}): ${message}`
}
