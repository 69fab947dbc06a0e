import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { readPage } from '../docs/page.ts'
import { freePort } from '../free-port.ts'
import { ensureInstalled, type Needs } from '../system-packages.ts'
import { until } from '../until.ts'

/** A proxy with a configuration in docs/deployment.md. */
export interface Proxy {
  readonly name: string
  /** The language of its block in the page. */
  readonly language: string
  readonly needs: Needs
  /** The whole file, around the configuration of the page. */
  readonly frame: (configuration: string, folder: string, port: number) => string
  /** The command that runs it in the foreground. */
  readonly command: (file: string, folder: string) => readonly [command: string, ...args: string[]]
}

const modules = '/usr/lib/apache2/modules'
const apacheModules = [
  'mpm_event', 'authz_core', 'headers', 'proxy', 'proxy_http', 'proxy_balancer', 'lbmethod_bybusyness', 'slotmem_shm'
]

export const nginx: Proxy = {
  name: 'nginx',
  language: 'nginx',
  needs: { probe: ['nginx', '-v'], packages: ['nginx-light'] },
  frame: (configuration, folder) => `
    daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http {
      access_log off;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      ${configuration}
    }`,
  command: (file, folder) => ['nginx', '-p', folder, '-c', file]
}

export const proxies: readonly Proxy[] = [
  nginx,
  {
    name: 'HAProxy',
    language: 'haproxy',
    needs: { probe: ['haproxy', '-v'], packages: ['haproxy'] },
    frame: (configuration) => configuration,
    command: (file) => ['haproxy', '-db', '-f', file]
  },
  {
    name: 'Caddy',
    language: 'caddy',
    needs: { probe: ['caddy', 'version'], packages: ['caddy'] },
    frame: (configuration) => `{\n  admin off\n  auto_https off\n}\n${configuration}`,
    command: (file) => ['caddy', 'run', '--adapter', 'caddyfile', '--config', file]
  },
  {
    name: 'Apache',
    language: 'apache',
    needs: { probe: ['apache2', '-v'], packages: ['apache2'] },
    frame: (configuration, folder, port) => [
      ...apacheModules.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`),
      `Listen 127.0.0.1:${port}`,
      'ServerName localhost',
      `PidFile ${folder}/pid`,
      `ErrorLog ${folder}/error.log`,
      `DefaultRuntimeDir ${folder}`,
      configuration
    ].join('\n'),
    command: (file, folder) => ['apache2', '-d', folder, '-f', file, '-D', 'FOREGROUND']
  }
]

/** The configuration of the page, for these ports: the page has two servers, 3001 and 3002. */
export function configurationOf ({ language }: Proxy): string {
  const block = readPage('docs/deployment.md').blocks.find((one) => one.language === language)
  if (!block) throw new Error(`docs/deployment.md has no configuration in ${language}`)
  return block.code
}

/** Runs the proxy in front of one or two servers until the test is over. Resolves to the port that it serves. */
export async function startProxy (t: Test, proxy: Proxy, servers: readonly [number, number?]): Promise<number> {
  ensureInstalled(proxy.needs)
  const folder = await mkdtemp(join(tmpdir(), 'proxy-'))
  const port = await freePort()
  const configuration = forServers(configurationOf(proxy), servers)
    .replaceAll(/listen 8080|bind :8080/g, (text) => text.replace(/:?8080/, `127.0.0.1:${port}`))
    .replaceAll(/^:8080/gm, `http://:${port}`)
  const file = join(folder, 'configuration')
  await mkdir(join(folder, 'logs'))
  await writeFile(file, proxy.frame(configuration, folder, port))
  const [command, ...args] = proxy.command(file, folder)
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: folder } })
  let complaint = ''
  child.stderr.on('data', (text) => { complaint += String(text) })
  const gone = once(child, 'exit')
  t.teardown(async () => {
    child.kill()
    await gone
    await rm(folder, { recursive: true, force: true })
  })
  await Promise.race([
    listening(port), gone.then(() => { throw new Error(`${proxy.name} ended: ${complaint}`) })
  ])
  return port
}

function forServers (configuration: string, [first, second]: readonly [number, number?]): string {
  const own = configuration.replaceAll('3001', `${first}`)
  if (second !== undefined) return own.replaceAll('3002', `${second}`)
  return own.replaceAll(/^.*(BalancerMember|server).*3002.*\n/gm, '').replaceAll(' 127.0.0.1:3002', '')
}

function listening (port: number): Promise<void> {
  return until(() => new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false)).once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  }))
}
