import { execFileSync } from 'node:child_process'

export interface Needs {
  /** A command that fails unless everything is there. */
  readonly probe: readonly [command: string, ...args: string[]]
  /** The packages of Debian that bring it. */
  readonly packages: readonly string[]
}

/**
 * Installs system packages with apt-get where their probe fails.
 *
 * @throws if they are missing and cannot be installed
 */
export function ensureInstalled ({ probe, packages }: Needs): void {
  if (succeeds(probe)) return
  const isRoot = process.getuid?.() === 0
  const [command = '', ...args] = [...isRoot ? [] : ['sudo', '-n'], 'apt-get']
  try {
    execFileSync(command, [...args, 'update', '-qq'], { stdio: ['ignore', 2, 2] })
    const flags = ['-o', 'DPkg::Lock::Timeout=300', '-y', '-qq', '--no-install-recommends']
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    execFileSync(command, [...args, 'install', ...flags, ...packages], { stdio: ['ignore', 2, 2], env })
  } catch {}
  if (!succeeds(probe)) throw new Error(`missing packages: install ${packages.join(', ')} (tried: ${probe.join(' ')})`)
}

function succeeds ([command, ...args]: Needs['probe']): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
