/** The largest number of edits at which a name still counts as a misspelling of another one. */
const maxEdits = 2

/** `; did you mean 'heartbeat'?` for a name close to one of `known`; else an empty text. Letter case is ignored. */
export function suggestion (name: string, known: readonly string[]): string {
  const distances = known.map((candidate) => ({ candidate, edits: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
  const [closest] = distances.sort((a, b) => a.edits - b.edits)
  const isClose = closest !== undefined && closest.edits <= maxEdits && closest.edits < closest.candidate.length
  return isClose ? `; did you mean '${closest.candidate}'?` : ''
}

/** The number of letters to insert, remove or replace (Levenshtein). */
function editDistance (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] as number) + Number(letter !== b[j])
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
