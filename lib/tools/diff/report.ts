import type { Change } from './changes.ts'

/** The fingerprints of one route in both documents; undefined where a document does not have the route. */
export interface FingerprintChange {
  readonly route: string
  readonly old: string | undefined
  readonly now: string | undefined
}

/** The changes for a reader, those that break old clients first, and the fingerprints. */
export function reportOf (changes: readonly Change[], fingerprints: readonly FingerprintChange[]): string {
  const lines = fingerprints.map(({ route, old, now }) => `  route '${route}': ${now === undefined ? 'none' : now}${
    old === now ? ', as before' : ` in place of ${old === undefined ? 'none' : old}`}`)
  return `${changesOf(changes)}\nFingerprints:\n${lines.join('\n')}\n`
}

function changesOf (changes: readonly Change[]): string {
  if (changes.length === 0) return 'No change that means something to a client.\n'
  const old = changes.filter(({ breaks }) => breaks.oldClients)
  const now = changes.filter(({ breaks }) => breaks.newClients && !breaks.oldClients)
  const others = changes.filter(({ breaks }) => !breaks.newClients && !breaks.oldClients)
  return [
    ...section('Breaks clients of the old contract on the new server:', old),
    ...section('Breaks clients of the new contract on the old server, so deploy the server first:', now),
    ...section('Breaks nobody:', others)
  ].join('\n')
}

function section (title: string, changes: readonly Change[]): string[] {
  if (changes.length === 0) return []
  return [title, ...changes.map(({ where, what }) => `  ${where}: ${what}`), '']
}
