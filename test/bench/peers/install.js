import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))

/** Installs the packages of the other servers, unless they are as the lock says. Throws if that fails. */
export function installPeers () {
  const installed = `${here}node_modules/.package-lock.json`
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(`${here}package-lock.json`).mtimeMs) return
  process.stderr.write('installing the other servers into test/bench/peers\n')
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] })
}

/** Bun is a program: a package with binaries for each platform. */
export const bunPath = `${here}node_modules/@oven/bun-${process.platform}-${process.arch}/bin/bun`
