import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ToolError } from '../command.ts'
import type { NewFile } from './channel-files.ts'

/** Writes all files, or none of them. @throws {ToolError} where one of them exists */
export async function writeNewFiles (folder: string, files: readonly NewFile[]): Promise<void> {
  for (const { path } of files) {
    const isThere = await stat(join(folder, path)).then(() => true, () => false)
    if (isThere) throw new ToolError(`the file '${path}' exists`, 'choose another name, or remove it')
  }
  for (const { path, text } of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text, { flag: 'wx' })
  }
}
