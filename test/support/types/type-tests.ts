import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../root.ts'
import { compileFiles, type CompileError } from './compile.ts'

/** What the type tests use of tstyche, so that the compiler itself finds an assertion that does not hold. */
const tstyche = `
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
type Unless<Holds, A, B> = Holds extends true ? [] : [found: A, expected: B]
interface Matchers<A> {
  toBe<B> (...wrong: Unless<Same<A, B>, A, B>): void
  toBeAssignableTo<B> (...wrong: Unless<[A] extends [B] ? true : false, A, B>): void
  toBeAssignableFrom<B extends A> (given?: B): void
  not: { toBe<B> (...wrong: Unless<Same<A, B> extends true ? false : true, A, B>): void }
}
export declare function expect<A> (): { type: Matchers<A> }
export declare function expect<A> (value: A): { type: Matchers<A> }
export declare function describe (title: string, run: () => void): void
export declare function test (title: string, run: () => void | Promise<void>): void
`

const folder = join(root, 'test/types')
const expected = /^( *)\/\/ @ts-expect-error (.+)$/

/** The files of the type tests with their texts. */
export function typeTests (): Map<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.tst.ts'))
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
}

/**
 * Compiles type tests of tstyche against the built package, which takes a tenth of the time that tstyche takes.
 * @returns what it finds: errors that no comment announces, and comments whose error is missing or another
 */
export function failedTypeTests (files: ReadonlyMap<string, string>): string[] {
  const sources = new Map([...files].map(([name, text]) => [name, givenText(text)]))
  const { errors } = compileFiles(sources.set('tstyche.ts', tstyche), { paths: { tstyche: ['./tstyche.ts'] } })
  const announced = [...files].flatMap(([name, text]) => announcedIn(name, text))
  const at = (error: Place) => `${error.file}:${error.line}`
  const found = new Map(errors.map((error) => [at(error), error]))
  const places = new Set(announced.map(at))
  return [
    ...errors.filter((error) => !places.has(at(error))).map((error) => `${at(error)}: ${error.message}`),
    ...announced.filter((one) => !one.message.test(found.get(at(one))?.message ?? '')).map((one) =>
      `${at(one)}: no error with ${one.message}, but ${found.get(at(one))?.message ?? 'none'}`)
  ]
}

type Place = Pick<CompileError, 'file' | 'line'>

/** The text, with the built modules imported and each announcement of an error taken out. */
function givenText (text: string): string {
  return text.replaceAll("'../support/", "'../../test/support/").replace(/(?<=from '\.[^']*)\.ts'/g, ".js'")
    .replaceAll('// @ts-expect-error', '// error')
}

/** The errors that comments announce, each with the line it must be on: the first one below that is no comment. */
function announcedIn (file: string, text: string): Array<Place & { readonly message: RegExp }> {
  const lines = text.split('\n')
  return lines.flatMap((line, i) => {
    const [, , message] = expected.exec(line) ?? []
    if (message === undefined) return []
    const below = lines.slice(i + 1).findIndex((next) => !/^ *\/\//.test(next))
    const parts = message.split('...').map((part) => part.replace(/[\^$.*+?()[\]{}|/]/g, '\\$&'))
    return [{ file, line: i + 2 + below, message: new RegExp(parts.join('[^]*')) }]
  })
}
