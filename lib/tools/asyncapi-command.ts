import { yamlOf } from '../asyncapi/yaml.ts'
import { readArguments, writeText, type Command } from './command.ts'
import { loadDocument } from './load-document.ts'

const usage = `Usage: fastify-channels asyncapi <module> [--yaml] [--out <file>]

Writes the AsyncAPI document of an application. The module exports an instance of Fastify as 'app' or by default, or a
plugin by default, as fastify-cli takes it. A module of contracts gives the document of these.

  --yaml        YAML in place of JSON; needs the package 'yaml'
  --out <file>  writes it to a file in place of the standard output
`

/** `fastify-channels asyncapi` */
export const asyncApiCommand: Command = {
  usage,
  async run (args, output) {
    const { positionals: [module = ''], values: { yaml, out } } =
      readArguments(args, 'asyncapi', ['module'], { yaml: 'boolean', out: 'string' })
    const document = await loadDocument(module)
    const text = yaml ? await yamlOf(document) : `${JSON.stringify(document, null, 2)}\n`
    await writeText(text, out, output)
    return 0
  }
}
