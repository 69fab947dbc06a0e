import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { run } from '../../support/package/workspace.ts'
import { root } from '../../support/root.ts'
import type { Teardowns } from './teardowns.ts'

/**
 * The unpacked tarball of the previous version. Resolves to the address of its plugin.
 * @param tarball the path of one; by default the present version, packed under another version number, which tells
 *   whether two copies of the package work together
 */
export async function previousPackage (teardowns: Teardowns, tarball?: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'previous-'))
  teardowns.teardown(() => rm(folder, { recursive: true }))
  await run('tar', ['xzf', tarball ?? await pack(folder)], folder)
  const unpacked = join(folder, 'package')
  await symlink(join(root, 'node_modules'), join(unpacked, 'node_modules'))
  return pathToFileURL(join(unpacked, 'dist/plugins/channels.js')).href
}

async function pack (folder: string): Promise<string> {
  const copy = join(folder, 'copy')
  await mkdir(copy)
  for (const path of ['dist/lib', 'dist/plugins']) await cp(join(root, path), join(copy, path), { recursive: true })
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as object
  await writeFile(join(copy, 'package.json'), JSON.stringify({ ...manifest, version: '0.0.0-previous' }))
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], copy)
  return join(folder, 'fastify-channels-0.0.0-previous.tgz')
}
