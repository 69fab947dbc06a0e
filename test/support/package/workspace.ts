import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { root } from '../root.ts'

/** What `npm pack` needs of this repository. */
const sources = ['lib', 'plugins', 'docs', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.cjs.json',
  'README.md', 'LICENSE', 'CHANGELOG.md']

/** Runs a program to its end. Resolves to what it printed; rejects with that when it fails. */
export async function run (
  command: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}
): Promise<string> {
  // tap's loader stays here: projects run on Node as it is.
  const { NODE_OPTIONS: loader, ...own } = process.env
  const child = spawn(command, args, { cwd, env: { ...own, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = ['', '']
  for (const [i, stream] of [child.stdout, child.stderr].entries()) {
    stream.setEncoding('utf8').on('data', (text: string) => { printed[i] += text })
  }
  const [code] = await once(child, 'close') as [number | null]
  if (code === 0) return printed[0] as string
  throw new Error(`${[basename(command), ...args].join(' ')} ended with ${String(code)}:\n${printed.join('\n')}`)
}

/**
 * A folder outside of this repository, with the packed package, its dependencies and tools. Projects are folders in it.
 */
export class Workspace {
  readonly folder: string
  readonly tarball: string

  private constructor (folder: string, tarball: string) {
    this.folder = folder
    this.tarball = tarball
  }

  static async create (packages: readonly string[]): Promise<Workspace> {
    const folder = await mkdtemp(join(tmpdir(), 'fastify-channels-'))
    const tarball = await pack(folder)
    await writeFile(join(folder, 'package.json'), '{ "private": true }')
    const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline', '--loglevel=error']
    await run('npm', ['install', ...flags, tarball, ...packages], folder)
    return new Workspace(folder, tarball)
  }

  /** Makes a project with these files. Resolves to its folder. */
  async project (name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const folder = join(this.folder, 'projects', name)
    await mkdir(folder, { recursive: true })
    await Promise.all(Object.entries(files).map(([path, text]) => writeFile(join(folder, path), text)))
    return folder
  }

  /** Copies what a bundler made to where no `node_modules` is in reach. Resolves to its folder. */
  async deploy (built: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'fastify-channels-deployed-'))
    await cp(built, folder, { recursive: true })
    return folder
  }

  bin (name: string): string {
    return join(this.folder, 'node_modules/.bin', name)
  }

  async remove (): Promise<void> {
    await rm(this.folder, { recursive: true })
  }
}

/** Packs a copy of the sources, because the script that npm runs first removes `dist`, where this code is. */
async function pack (folder: string): Promise<string> {
  const copy = join(folder, 'sources')
  await mkdir(copy)
  await Promise.all(sources.map((path) => cp(join(root, path), join(copy, path), { recursive: true })))
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  await run('npm', ['pack', '--pack-destination', folder], copy)
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  return join(folder, tarball as string)
}

export function fixture (name: string): Promise<string> {
  return readFile(join(root, 'test/package/fixtures', name), 'utf8')
}
