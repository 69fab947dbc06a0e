import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { suggestion } from '../contract/option-checks.ts'
import { ChannelsError } from '../protocol/errors.ts'

/** Where a command writes. Resolves when the text has left, because the process ends after the command. */
export interface Output {
  write (text: string): Promise<void>
  writeError (text: string): Promise<void>
}

/** One command of `npx fastify-channels`. */
export interface Command {
  /** How it is called, and what its options mean. */
  readonly usage: string
  /** Resolves with the exit code of the process. `until` ends a command that runs on. @throws {ToolError} */
  run (args: readonly string[], output: Output, until: AbortSignal): Promise<number>
}

/** A command cannot do its work. */
export class ToolError extends ChannelsError {
  override readonly name = 'ToolError'

  constructor (issue: string, advice: string, cause?: unknown) {
    super('FST_CHANNELS_TOOL', `${issue}: ${advice}`, 500)
    if (cause !== undefined) this.cause = cause
  }
}

/** Writes what a command made: to the file of its option `--out`, else to its output. */
export async function writeText (text: string, out: string | true | undefined, output: Output): Promise<void> {
  await (typeof out === 'string' ? writeFile(out, text) : output.write(text))
}

/** The options of a command by their names: one with a value is a `string`. */
type OptionKinds = Readonly<Record<string, 'boolean' | 'string'>>

/** The arguments of a command. */
export interface Arguments {
  readonly positionals: readonly string[]
  readonly values: Readonly<Record<string, string | true | undefined>>
}

/**
 * Reads the arguments of a command.
 * @param names of its positional arguments, all of which have to be given
 * @throws {ToolError}
 */
export function readArguments (
  args: readonly string[], command: string, names: readonly string[], kinds: OptionKinds
): Arguments {
  const options = Object.fromEntries(Object.entries(kinds).map(([name, type]) => [name, { type }]))
  const { positionals, tokens, values } = parseArgs({
    args: [...args], options, allowPositionals: true, strict: false, tokens: true
  })
  for (const token of tokens) {
    if (token.kind === 'option') checkOption(token, command, kinds)
  }
  if (positionals.length !== names.length) {
    const wanted = names.map((name) => `<${name}>`).join(' ')
    throw new ToolError(`wrong number of arguments for the command '${command}'`, `pass ${wanted}`)
  }
  return { positionals, values: values as Arguments['values'] }
}

/** An option as it was given: `rawName` is its name with its dashes. */
interface GivenOption { readonly name: string, readonly rawName: string, readonly value: string | undefined }

function checkOption ({ name, rawName, value }: GivenOption, command: string, kinds: OptionKinds): void {
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
  if (kind === undefined) {
    const advice = suggestion(name, Object.keys(kinds), '--')
    throw new ToolError(`unknown option '${rawName}' of the command '${command}'`, advice)
  }
  if (kind === 'string' && value === undefined) {
    throw new ToolError(`no value of the option '--${name}'`, `pass one, as in --${name} <${name}>`)
  }
  if (kind === 'boolean' && value !== undefined) {
    throw new ToolError(`a value of the option '--${name}'`, `pass --${name} alone`)
  }
}
