import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suggestion } from '../contract/option-checks.ts'
import { ChannelsError } from '../protocol/errors.ts'
import { ToolError, type Command, type Output } from './command.ts'

interface Entry {
  /** What it does, in a line. */
  readonly summary: string
  readonly load: () => Promise<Command>
}

/** The commands of `npx fastify-channels`. Each is loaded when it is called. */
const commands: Readonly<Record<string, Entry>> = {
  asyncapi: {
    summary: 'writes the AsyncAPI document of an application',
    load: async () => (await import('./asyncapi-command.ts')).asyncApiCommand
  },
  client: {
    summary: 'writes a client for another language',
    load: async () => (await import('./client-command.ts')).clientCommand
  },
  diff: {
    summary: 'says which changes of a contract break whom',
    load: async () => (await import('./diff-command.ts')).diffCommand
  },
  fingerprint: {
    summary: 'writes the fingerprint of contracts, which a client sends',
    load: async () => (await import('./fingerprint-command.ts')).fingerprintCommand
  },
  generate: {
    summary: 'writes a new channel into a project of fastify-cli',
    load: async () => (await import('./generate-command.ts')).generateCommand
  },
  mock: {
    summary: 'serves contracts without a server, for the work on a front end',
    load: async () => (await import('./mock-command.ts')).mockCommand
  }
}

/** The exit code of a command that cannot do its work. */
const failed = 2

/** Runs a command. Resolves with the exit code of the process. `until` ends a command that runs on. */
export async function runCommand (
  [name, ...args]: readonly string[], output: Output, until = new AbortController().signal
): Promise<number> {
  try {
    if (name === undefined || name === 'help' || isOption(name)) return await writeOverview(name, output)
    return await commandOf(name).load().then((command) => runOrExplain(command, args, output, until))
  } catch (error) {
    await output.writeError(`${textOf(error)}\n`)
    return failed
  }
}

const overviewOptions = ['help', 'version']

/** No command begins with a dash. */
const isOption = (name: string) => name.startsWith('-')

/** Writes the list of commands, or the version of the package. @throws {ToolError} for another option */
async function writeOverview (option: string | undefined, output: Output): Promise<number> {
  switch (option) {
    case undefined: case 'help': case '-h': case '--help':
      await output.write(overview())
      return 0
    case '-v': case '--version':
      await output.write(`${packageVersion()}\n`)
      return 0
    default:
      throw new ToolError(`unknown option '${option}'`, suggestion(option.replace(/^-+/, ''), overviewOptions, '--'))
  }
}

async function runOrExplain (
  command: Command, args: readonly string[], output: Output, until: AbortSignal
): Promise<number> {
  if (!args.includes('--help') && !args.includes('-h')) return command.run(args, output, until)
  await output.write(command.usage)
  return 0
}

function commandOf (name: string): Entry {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (entry) return entry
  throw new ToolError(`unknown command '${name}'`, suggestion(name, Object.keys(commands)))
}

function overview (): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`)
  return `Usage: fastify-channels <command>\n\n${lines.join('\n')}\n
fastify-channels <command> --help explains it.
fastify-channels --version writes the version of this package.
`
}

/** The mistakes that this package explains need no stack; others do. */
function textOf (error: unknown): string {
  if (!(error instanceof ChannelsError)) return String((error as Error | undefined)?.stack ?? error)
  const { message, cause } = error
  return cause === undefined ? message : `${message}\n${textOf(cause)}`
}

/** The version of this package. Commands run from the ESM build, where this file is in `dist/lib/tools`. */
function packageVersion (): string {
  const text = readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
