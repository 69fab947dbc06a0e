import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../root.ts'

const tsconfig = join(root, 'tsconfig.json')
const { config } = ts.readConfigFile(tsconfig, ts.sys.readFile) as { config: object }
const given = { ...config, include: [], files: [] }
const { options } = ts.parseJsonConfigFileContent(given, ts.sys, root, { noEmit: true, incremental: false }, tsconfig)

/** Files that a program has read, for the programs after it: most are of packages. */
const read = new Map<string, ts.SourceFile | undefined>()
const host = ts.createCompilerHost(options)
const { getSourceFile } = host
host.getSourceFile = (name, ...rest) => {
  if (!read.has(name)) read.set(name, getSourceFile(name, ...rest))
  return read.get(name)
}

/** A program of files on disk, with the compiler options of the project, for who asks about its types. */
export function programOf (files: readonly string[]): ts.Program {
  return ts.createProgram([...files], options, host)
}
