import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../root.ts'

const tsconfig = join(root, 'tsconfig.json')
const { config } = ts.readConfigFile(tsconfig, ts.sys.readFile) as { config: object }
const given = { ...config, include: [], files: [] }
const { options } = ts.parseJsonConfigFileContent(given, ts.sys, root, { noEmit: true, incremental: false }, tsconfig)

/** A program of files on disk, with the compiler options of the project, for who asks about its types. */
export function programOf (files: readonly string[]): ts.Program {
  return ts.createProgram([...files], options)
}
