import type { ProjectLayout } from './project-layout.ts'

/** A source text for every kind of project: JavaScript or TypeScript, ESM or CommonJS. */
export interface SourceFile {
  readonly imports: readonly Import[]
  /** Its code. What stands within `‹` and `›` is for TypeScript only. */
  readonly body: string
  /** The name of the constant in the code that it exports, or what it exports by default. */
  readonly exported?: { readonly name: string } | { readonly byDefault: string }
}

export interface Import {
  readonly from: string
  readonly names: string
  /** Types, which JavaScript has not. */
  readonly isType?: true
  /** Of a file of the project, whose ending depends on the project. */
  readonly ending?: string
}

/** The text of a file in a project. */
export function textOf ({ imports, body, exported }: SourceFile, { language, isEsm }: ProjectLayout): string {
  const isTypeScript = language === 'ts'
  const asModule = isEsm || isTypeScript
  const head = imports.filter(({ isType }) => isTypeScript || !isType).map((one) => importOf(one, asModule)).join('')
  const code = body.replaceAll(/‹(.*?)›/gs, isTypeScript ? '$1' : '')
  return `${asModule ? '' : "'use strict'\n\n"}${head}\n${exporting(code, exported, asModule)}`
}

function importOf ({ from, names, isType, ending = '' }: Import, asModule: boolean): string {
  const name = names.startsWith('* as ') && !asModule ? names.slice('* as '.length) : names
  return asModule
    ? `import ${isType ? 'type ' : ''}${name} from '${from}${ending}'\n`
    : `const ${name} = require('${from}${ending}')\n`
}

function exporting (code: string, exported: SourceFile['exported'], asModule: boolean): string {
  if (!exported) return code
  if ('name' in exported) {
    const { name } = exported
    if (asModule) return code.replace(`const ${name} =`, `export const ${name} =`)
    return `${code}\nmodule.exports = { ${name} }\n`
  }
  return `${code}\n${asModule ? 'export default' : 'module.exports ='} ${exported.byDefault}\n`
}
