import type { PageSchema } from '../contracts/page-schema.ts'

/** The first mistake in a value, as the server would report it. `path` is a JSON pointer. */
export interface PageIssue { readonly path: string, readonly message: string }

/** A value that is compared with a schema. */
export interface Visit {
  readonly value: unknown
  readonly path: string
  /** The schemas that a reference may mean. */
  readonly named: ReadonlyMap<string, PageSchema>
  /** Looks at a part of the value. */
  readonly issueOf: (schema: PageSchema, value: unknown, path: string) => PageIssue | undefined
}

/** An issue of the value that is looked at. */
export function issue ({ path }: Visit, message: string): PageIssue {
  return { path, message }
}

/** An issue of the value, where it breaks a limit. */
export function limitIssue (visit: Visit, broken: string | undefined): PageIssue | undefined {
  return broken === undefined ? undefined : issue(visit, broken)
}

/** The members of the value, where it is an object. */
export function membersOf ({ value }: Visit): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? value as Readonly<Record<string, unknown>>
    : undefined
}
