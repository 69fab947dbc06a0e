import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'

/** The longest address of a Unix socket: 107 bytes on Linux, 103 on macOS. */
export const maxAddressBytes = ({ darwin: 103 } as Partial<Record<string, number>>)[process.platform] ?? 107

/** What follows the path of the directory in an address, such as `/s.0123abcd`. */
const longestNameBytes = 11

/** Older generations whose names stay: a process that stopped while it read the directory must see a newer one. */
const keptGenerations = 8

/**
 * The directory in which the processes of one machine find their hub.
 *
 * Each hub listens on a socket with a name of its own, `s.<random>`. Then it claims the next generation, by a symbolic
 * link `h.<number>` to that name. Only one process can make such a link, and the link with the highest number is never
 * removed. So a process knows the hub: it is the one behind the highest number, unless nobody listens there any more.
 */
export class HubDirectory {
  readonly path: string

  /** @param path absolute, and short enough for the addresses in it */
  constructor (path: string) {
    this.path = path
  }

  /** Makes the directory where it is missing. @throws {Error} when others could use or replace it */
  prepare (): void {
    const parent = dirname(this.path)
    mkdirSync(this.path, { recursive: true, mode: 0o700 })
    const own = lstatSync(this.path)
    const above = statSync(parent)
    const user = (process.geteuid as () => number)()
    const isSticky = (above.mode & 0o1000) !== 0
    if (!own.isDirectory()) throw new Error(`'${this.path}' is no directory: remove it, or pass another path`)
    if (own.uid !== user || ![0, user].includes(above.uid)) {
      throw new Error(`'${own.uid === user ? parent : this.path}' belongs to another user: pass a path of your own`)
    }
    if ((own.mode & 0o077) !== 0) throw new Error(`'${this.path}' is open to other users: give it the mode 0700`)
    if ((above.mode & 0o022) !== 0 && !isSticky) {
      throw new Error(`other users can write in '${parent}': give it the mode 0700, or pass another path`)
    }
  }

  /** The newest generation; 0 before the first one. */
  newest (): number {
    return Math.max(0, ...this.#generations())
  }

  /** The address of a generation's hub. */
  hubAddress (generation: number): string {
    return join(this.path, `h.${generation}`)
  }

  socketAddress (name: string): string {
    return join(this.path, name)
  }

  /** Claims a generation for the socket of this name. Returns false when another process has it, or a newer one. */
  claim (generation: number, name: string): boolean {
    try {
      symlinkSync(name, this.hubAddress(generation))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
    // A process that stood still between its look and its claim may have claimed what was removed since.
    return this.newest() === generation
  }

  /** Removes what earlier hubs left behind. Their sockets are dead, because a later generation was claimed. */
  removeOlderThan (generation: number): void {
    for (const older of this.#generations().filter((other) => other < generation)) {
      rmSync(this.socketAddress(readlinkSync(this.hubAddress(older))), { force: true })
      if (older < generation - keptGenerations) rmSync(this.hubAddress(older), { force: true })
    }
  }

  #generations (): number[] {
    return readdirSync(this.path).filter((name) => /^h\.\d+$/.test(name)).map((name) => Number(name.slice(2)))
  }
}

/** The directory of the option `local`. @throws {Error} when it cannot be used */
export function openHubDirectory (local: string | true): HubDirectory {
  const directory = new HubDirectory(local === true ? defaultPath() : shortened(resolve(local)))
  directory.prepare()
  return directory
}

/** Where the addresses in the directory would be too long, it has a shorter name beside the given one. */
function shortened (path: string): string {
  const bytes = Buffer.byteLength(path)
  if (bytes > maxAddressBytes) throw new Error(`its path has ${bytes} bytes: pass one of at most ${maxAddressBytes}`)
  if (bytes + longestNameBytes <= maxAddressBytes) return path
  const short = join(dirname(path), hashOf(basename(path), 8))
  if (Buffer.byteLength(short) + longestNameBytes <= maxAddressBytes) return short
  throw new Error(`its path of ${bytes} bytes leaves no room for the names of sockets, which have at most ` +
    `${maxAddressBytes} bytes with their path: pass a shorter one`)
}

/** One directory for each user and application: the package of the main module, and the working directory. */
function defaultPath (): string {
  const { XDG_RUNTIME_DIR: runtime = tmpdir() } = process.env
  const [main = ''] = resolve(process.argv[1] ?? 'main').split('/node_modules/')
  const user = (process.geteuid as () => number)()
  return shortened(join(runtime, `fastify-channels-${user}`, hashOf(`${packageOf(main)}\n${process.cwd()}`, 12)))
}

function packageOf (path: string): string {
  return path === dirname(path) || existsSync(join(path, 'package.json')) ? path : packageOf(dirname(path))
}

function hashOf (text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length)
}
