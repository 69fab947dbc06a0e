import { routeFingerprints } from '../asyncapi/model/fingerprint.ts'
import { readArguments, ToolError, writeText, type Command } from './command.ts'
import { loadDocument } from './load-document.ts'

const usage = `Usage: fastify-channels fingerprint <module> [--route <url>] [--out <file>]

Writes a module of one line with the fingerprint of contracts, for the client that is built with them:
export const fingerprint = '…'

The module exports contracts, all of which one route serves, or an application. A document serves as well.

  --route <url>  the route, where the application has several
  --out <file>   writes it to a file in place of the standard output, such as fingerprint.ts or fingerprint.js
`

/** `fastify-channels fingerprint` */
export const fingerprintCommand: Command = {
  usage,
  async run (args, output) {
    const { positionals: [module = ''], values: { route, out } } =
      readArguments(args, 'fingerprint', ['module'], { route: 'string', out: 'string' })
    const fingerprints = routeFingerprints(await loadDocument(module))
    const text = `export const fingerprint = '${fingerprintIn(fingerprints, module, route as string | undefined)}'\n`
    await writeText(text, out, output)
    return 0
  }
}

/** @throws {ToolError} */
function fingerprintIn (fingerprints: ReadonlyMap<string, string>, module: string, route: string | undefined): string {
  const routes = [...fingerprints.keys()]
  const [only] = routes.length === 1 ? routes : []
  const fingerprint = fingerprints.get(route ?? only ?? '')
  if (fingerprint !== undefined) return fingerprint
  const issue = route === undefined ? `'${module}' has ${routes.length} routes` : `'${module}' has no route '${route}'`
  throw new ToolError(issue, `pass --route with one of its routes: ${routes.map((url) => `'${url}'`).join(', ')}`)
}
