/** JSON with the members of each object in the order of their names, so that equal values are equal texts. */
export function canonicalJson (value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => a < b ? -1 : 1))
      : member)
}

/** The values without repetitions, in an order that does not depend on theirs. */
export function canonicalSet (values: readonly unknown[]): readonly unknown[] {
  const byText = new Map(values.map((value) => [canonicalJson(value), value]))
  return [...byText].sort(([a], [b]) => a < b ? -1 : 1).map(([, value]) => value)
}
