import type { Change } from './changes.ts'

/** The changes for a reader, those that break old clients first. */
export function reportOf (changes: readonly Change[]): string {
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
