import { readArguments, ToolError, writeText, type Command } from './command.ts'
import { loadDocument } from './load-document.ts'
import { pythonClientOf } from './python/python-client.ts'

const usage = `Usage: fastify-channels client <module> --python [--out <file>]

Writes a client for another language: a module with a class for each channel and each message. Takes an AsyncAPI
document, or a module that exports an application or contracts.

  --python      for Python 3.10 or newer, with the package websockets
  --out <file>  writes it to a file in place of the standard output
`

/** `fastify-channels client` */
export const clientCommand: Command = {
  usage,
  async run (args, output) {
    const { positionals: [module = ''], values: { python, out } } =
      readArguments(args, 'client', ['module'], { python: 'boolean', out: 'string' })
    if (!python) throw new ToolError("no language for the command 'client'", 'pass --python')
    const text = pythonClientOf(await loadDocument(module))
    await writeText(text, out, output)
    return 0
  }
}
