import { basename, dirname, join } from 'node:path'
import ts from 'typescript'
import { root } from '../root.ts'
import { programOf } from './program.ts'

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
  const program = programOf(given)
  const errors = ts.getPreEmitDiagnostics(program).map(described)
  return { errors, instantiations: program.getInstantiationCount() }
}

function described ({ file, start = 0, messageText }: ts.Diagnostic): string {
  const message = ts.flattenDiagnosticMessageText(messageText, '\n')
  if (!file) return message
  const place = dirname(file.fileName) === folder ? basename(file.fileName) : file.fileName
  return `${place}(${file.getLineAndCharacterOfPosition(start).line + 1}): ${message}`
}
