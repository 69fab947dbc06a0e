import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../root.ts'

const tsconfig = join(root, 'tsconfig.json')
const { config } = ts.readConfigFile(tsconfig, ts.sys.readFile) as { config: object }
const given = { ...config, include: [], files: [] }
const { options } = ts.parseJsonConfigFileContent(given, ts.sys, root, { noEmit: true, incremental: false }, tsconfig)

/** Files on disk, parsed once for all programs of this process: parsing the libraries takes most of the time. */
const parsed = new Map<string, ts.SourceFile | undefined>()

/**
 * A program of its own, with the compiler options of the project: of files that are given by path and text, or of files
 * on disk.
 */
export function programOf (files: ReadonlyMap<string, string | undefined>): ts.Program {
  return ts.createProgram({ rootNames: [...files.keys()], options, host: hostWith(files) })
}

function hostWith (files: ReadonlyMap<string, string | undefined>): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, directoryExists, getSourceFile } = host
  const paths = [...files].filter(([, text]) => text !== undefined).map(([path]) => path)
  host.readFile = (path) => files.get(path) ?? readFile(path)
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.directoryExists = (path) => paths.some((own) => own.startsWith(`${path}/`)) || directoryExists?.(path) === true
  host.getSourceFile = (path, target) => {
    const text = files.get(path)
    if (text !== undefined) return ts.createSourceFile(path, text, target)
    if (!parsed.has(path)) parsed.set(path, getSourceFile(path, target))
    return parsed.get(path)
  }
  return host
}
