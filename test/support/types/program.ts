import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../root.ts'

const tsconfig = join(root, 'tsconfig.json')
const { config } = ts.readConfigFile(tsconfig, ts.sys.readFile) as { config: object }
const given = { ...config, include: [], files: [] }
const lean = { noEmit: true, incremental: false, types: [], lib: ['lib.es2023.d.ts'] }
const { options } = ts.parseJsonConfigFileContent(given, ts.sys, root, lean, tsconfig)

/**
 * A program of built declarations, for who asks for the names in them. It reads no package and nothing of the browser,
 * which are two thirds of the files: a type of theirs has no members here.
 */
export function programOf (files: readonly string[]): ts.Program {
  const host = ts.createCompilerHost(options)
  host.resolveModuleNameLiterals = (names, from) => names.map(({ text }) =>
    text.startsWith('.') ? ts.resolveModuleName(text, from, options, host) : { resolvedModule: undefined })
  return ts.createProgram([...files], options, host)
}
