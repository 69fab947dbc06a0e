import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { root } from '../root.ts'

/** The program behind the `tsc` that the project is built with: it starts without a Node process before it. */
const compiler = (await import(join(root, 'node_modules/typescript-native/lib/getExePath.js'))).default() as string

/** Two levels below dist/, so that a relative import as `../../lib/…` leads to the built package. */
const folder = join(root, 'dist/given')

export interface CompileError {
  /** The path that was given for the file, or the path on disk of another one. */
  readonly file: string
  readonly line: number
  readonly message: string
}

export interface Compiled {
  /** One for each error: `file.ts(line): message`. */
  readonly errors: readonly string[]
  /** How many types the compiler made of others: what a large contract costs, whatever the machine. */
  readonly instantiations: number
}

/**
 * Compiles sources as a program of their own: its declarations merge with no one else's. They are given by name and
 * text, and stand two folders below `dist/`: `lib`, `plugins` and packages are imported as from there.
 */
export function compile (sources: Readonly<Record<string, string>>): Compiled {
  const { errors, instantiations } = compileFiles(new Map(Object.entries(sources)))
  return { errors: errors.map(({ file, line, message }) => `${file}(${line}): ${message}`), instantiations }
}

interface Also {
  /** Paths on disk of more files of the program. */
  readonly files?: readonly string[]
  /** Where the compiler finds the types of a package, by its name: a given source. */
  readonly paths?: Readonly<Record<string, readonly string[]>>
}

/** As `compile`, with the errors in parts. */
export function compileFiles (
  sources: ReadonlyMap<string, string>, { files = [], paths = {} }: Also = {}
): { readonly errors: CompileError[], readonly instantiations: number } {
  mkdirSync(folder, { recursive: true })
  const own = mkdtempSync(join(folder, 'program-'))
  try {
    for (const [name, text] of sources) {
      mkdirSync(dirname(join(own, name)), { recursive: true })
      writeFileSync(join(own, name), text)
    }
    writeFileSync(join(own, 'tsconfig.json'), JSON.stringify({
      extends: relative(own, join(root, 'tsconfig.json')),
      // `outDir` lets the package's name lead to its built declarations: with `dist` it would lead to its sources.
      compilerOptions: { noEmit: true, incremental: false, tsBuildInfoFile: null, rootDir: root, outDir: own, paths },
      include: [],
      files: [...sources.keys(), ...files]
    }))
    return read(own)
  } finally {
    rmSync(own, { recursive: true })
  }
}

/** Runs the compiler. It is a Go program: without its garbage collection it takes a fifth less CPU time. */
export function runCompiler (options: readonly string[], cwd = root): SpawnSyncReturns<string> {
  return spawnSync(compiler, ['--singleThreaded', ...options], {
    encoding: 'utf8', cwd, env: { ...process.env, GOGC: 'off' }
  })
}

function read (own: string): ReturnType<typeof compileFiles> {
  const { stdout } = runCompiler(['--project', own, '--extendedDiagnostics', '--pretty', 'false'], own)
  const instantiations = Number(/^Instantiations: +(\d+)$/m.exec(stdout)?.[1])
  if (Number.isNaN(instantiations)) throw new Error(`the compiler did not end: ${stdout}`)
  const errors: CompileError[] = []
  for (const line of stdout.split('\n')) {
    const [, file, at, message] = /^(.+?)\((\d+),\d+\): error TS\d+: (.*)$/.exec(line) ?? []
    if (file !== undefined) errors.push({ file: given(own, file), line: Number(at), message: String(message) })
    else if (/^error TS\d+: /.test(line)) errors.push({ file: 'program', line: 0, message: line })
    else if (/^ +\S/.test(line) && errors.length > 0) append(errors, line)
  }
  return { errors, instantiations }
}

/** The rest of a message of several lines. */
function append (errors: CompileError[], line: string): void {
  const last = errors.pop() as CompileError
  errors.push({ ...last, message: `${last.message}\n${line}` })
}

function given (own: string, file: string): string {
  const path = relative(own, resolve(own, file))
  return path.startsWith('..') ? resolve(own, file) : path
}
