import type { AsyncApiDocument } from '../../../lib/asyncapi/asyncapi-document.ts'

/** The value that a JSON pointer such as `#/channels/chat` names in a document. */
export function valueAt (document: AsyncApiDocument, pointer: string): unknown {
  const names = pointer.slice(2).split('/').map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  return names.reduce<unknown>((value, name) => (Object(value) as Record<string, unknown>)[name], document)
}

/** Every `$ref` within a value. */
export function referencesIn (value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) =>
    name === '$ref' && typeof member === 'string' ? [member] : referencesIn(member))
}
