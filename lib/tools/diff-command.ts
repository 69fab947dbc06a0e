import type { AsyncApiDocument } from '../asyncapi/asyncapi-document.ts'
import { routeFingerprints } from '../asyncapi/model/fingerprint.ts'
import { readArguments, type Command } from './command.ts'
import { compareDocuments } from './diff/compare-documents.ts'
import { reportOf, type FingerprintChange } from './diff/report.ts'
import { loadDocument } from './load-document.ts'

const usage = `Usage: fastify-channels diff <old> <new> [--json] [--both]

Compares two AsyncAPI documents, or the modules that they come from, and says whom each change breaks: clients of the
old contract on the new server, or clients of the new one on the old server.

  --json  writes { changes, breaks, fingerprints } for a program
  --both  fails also when clients of the new contract break on the old server

The exit code is 0 when nobody breaks, 1 when clients break, and 2 when the command cannot do its work.
`

/** `fastify-channels diff` */
export const diffCommand: Command = {
  usage,
  async run (args, output) {
    const { positionals: [old = '', now = ''], values: { json, both } } =
      readArguments(args, 'diff', ['old', 'new'], { json: 'boolean', both: 'boolean' })
    const documents = [await loadDocument(old), await loadDocument(now)] as const
    const changes = compareDocuments(...documents)
    const fingerprints = compareFingerprints(...documents)
    const breaks = {
      oldClients: changes.filter(({ breaks }) => breaks.oldClients).length,
      newClients: changes.filter(({ breaks }) => breaks.newClients).length
    }
    await output.write(json
      ? `${JSON.stringify({ breaks, changes, fingerprints }, null, 2)}\n`
      : reportOf(changes, fingerprints))
    return breaks.oldClients > 0 || (both && breaks.newClients > 0) ? 1 : 0
  }
}

function compareFingerprints (old: AsyncApiDocument, now: AsyncApiDocument): readonly FingerprintChange[] {
  const [before, after] = [routeFingerprints(old), routeFingerprints(now)]
  const routes = [...new Set([...before.keys(), ...after.keys()])]
  return routes.map((route) => ({ route, old: before.get(route), now: after.get(route) }))
}
