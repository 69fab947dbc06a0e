/** What the application says about a connection, for lists of connections: a flat object. */
export type Metadata = Readonly<Record<string, string | number | boolean>>

/** Lists have many connections in one message between two nodes. */
export const maxMetadataBytes = 512

/** Whether it is a flat JSON object within `maxMetadataBytes`. */
export function isMetadata (value: unknown): value is Metadata {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const isFlat = Object.values(value).every((member) =>
    typeof member === 'string' || typeof member === 'boolean' || Number.isFinite(member))
  return isFlat && Buffer.byteLength(JSON.stringify(value)) <= maxMetadataBytes
}
