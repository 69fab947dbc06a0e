import { join } from 'node:path'
import ts from 'typescript'
import { compileFiles, type CompileError } from '../types/compile.ts'
import { prelude as common } from './prelude.ts'
import type { Block, Page } from './page.ts'

/**
 * Type-checks every TypeScript and JavaScript block of the pages in one program. It is inside the package, so that they
 * import the built package by its name. A block that begins with
 * `// name.ts` can be imported by its page's other blocks. Names that a block uses and does not declare come from its
 * page's prelude, else from the common one.
 * @returns one line for each error: `docs/server.md:12: message`.
 */
export function checkSnippets (pages: readonly Page[]): string[] {
  const files = new Map([[commonPath, { text: common, page: 'prelude', line: 1 }], ...pages.flatMap(sourcesOf)])
  const { errors } = compileFiles(new Map([...files].map(([path, { text }]) => [path, text])))
  return errors.map((error) => described(error, files))
}

interface Source {
  readonly text: string
  readonly page: string
  readonly line: number
}

const commonPath = 'common.ts'

function sourcesOf ({ path, blocks, prelude }: Page): Array<[string, Source]> {
  const given: Array<[string, string]> = [[join(path, 'prelude.ts'), prelude], [commonPath, common]]
  const ownPrelude: Source = { text: complete(prelude, path, given.slice(1)), page: path, line: 1 }
  const snippets = blocks.filter(({ language }) => /^([jt]s|tsx)$/.test(language)).map((block): [string, Source] => {
    const name = nameOf(block)
    return [join(path, name), { text: complete(block.code, path, given, name), page: path, line: block.line }]
  })
  return [[join(path, 'prelude.ts'), ownPrelude], ...snippets]
}

function nameOf ({ language, code, line }: Block): string {
  const name = /^\/\/ (\S+)\.(?:m?js|tsx?)\n/.exec(code)?.[1] ?? `line-${line}`
  return `${name}.${language === 'tsx' ? 'tsx' : 'ts'}`
}

/** Imports, on the first line, what the text uses and another module declares. */
function complete (
  text: string, from: string, modules: ReadonlyArray<[path: string, text: string]>, name = 'prelude.ts'
): string {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true)
  const known = new Set(declaredIn(source))
  const used = identifiersIn(source)
  const imports = modules.map(([path, code]) => {
    const declared = declaredIn(ts.createSourceFile('module.ts', code, ts.ScriptTarget.ES2023, true))
    const names = declared.filter((name) => used.has(name) && !known.has(name))
    for (const name of names) known.add(name)
    return names.length === 0 ? '' : `import { ${names.join(', ')} } from '${specifier(from, path)}'; `
  })
  return `${imports.join('')}export {}; ${text}`
}

const specifier = (from: string, path: string) =>
  path.startsWith(from) ? './prelude.js' : `${'../'.repeat(depth(from))}common.js`
const depth = (from: string) => from.split('/').length

function declaredIn (source: ts.SourceFile): string[] {
  const names: string[] = []
  const add = (name: ts.BindingName | undefined): void => {
    if (name === undefined) return
    if (ts.isIdentifier(name)) names.push(name.text)
    else for (const element of name.elements) if (ts.isBindingElement(element)) add(element.name)
  }
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement)) for (const { name } of statement.declarationList.declarations) add(name)
    else if (ts.isImportDeclaration(statement)) importedBy(statement.importClause).forEach(add)
    else if (isNamed(statement)) add(statement.name)
  }
  return names
}

type Named = ts.FunctionDeclaration | ts.ClassDeclaration | ts.InterfaceDeclaration | ts.TypeAliasDeclaration

function isNamed (node: ts.Node): node is Named {
  return ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node)
}

function importedBy (clause: ts.ImportClause | undefined): Array<ts.Identifier | undefined> {
  const bindings = clause?.namedBindings
  if (bindings && ts.isNamedImports(bindings)) return [clause.name, ...bindings.elements.map(({ name }) => name)]
  return [clause?.name, bindings?.name]
}

function identifiersIn (source: ts.SourceFile): Set<string> {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

function described ({ file, line, message }: CompileError, files: ReadonlyMap<string, Source>): string {
  const source = files.get(file)
  return source ? `${source.page}:${source.line + line - 1}: ${message}` : `${file}:${line}: ${message}`
}
