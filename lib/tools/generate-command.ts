import { suggestion } from '../contract/option-checks.ts'
import { readArguments, ToolError, type Command } from './command.ts'
import { channelFiles } from './scaffold/channel-files.ts'
import { readLayout } from './scaffold/project-layout.ts'
import { writeNewFiles } from './scaffold/write-files.ts'

const usage = `Usage: fastify-channels generate channel <name> [--lang js|ts] [--dir <folder>]

Writes a contract, its handlers, a route and a test into a project of fastify-cli. Changes no file that exists.

  --lang js|ts    default: ts where the project has a tsconfig.json
  --dir <folder>  the folder of the project; default: this one
`

/** `fastify-channels generate` */
export const generateCommand: Command = {
  usage,
  async run (args, output) {
    const { positionals: [kind = '', name = ''], values: { lang, dir = '.' } } =
      readArguments(args, 'generate', ['kind', 'name'], { lang: 'string', dir: 'string' })
    if (kind !== 'channel') throw new ToolError(`unknown kind '${kind}' to generate`, suggestion(kind, ['channel']))
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 40) {
      throw new ToolError(`invalid name '${name}' of a channel`,
        'use at most 40 small letters and digits, with single hyphens between words, as in order-events')
    }
    const layout = await readLayout(String(dir), lang as string | undefined)
    const files = channelFiles(name, layout)
    await writeNewFiles(layout.folder, files)
    await output.write(reportOf(files.map(({ path }) => path), name, layout.registeredIn))
    return 0
  }
}

function reportOf (paths: readonly string[], name: string, registeredIn: string | undefined): string {
  return `${paths.map((path) => `wrote ${path}\n`).join('')}
${registeredIn === undefined ? '' : `The file ${registeredIn} registers fastify-channels already.\n`}Next:
  1. npm install fastify-channels @sinclair/typebox
  2. npm test
  3. Declare your messages in the contract. The compiler, or the start of the server, names each missing handler.
  4. The route /${name}/ws is public. Protect it: docs/guide/authentication.md of fastify-channels.
`
}
