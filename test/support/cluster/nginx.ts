import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { root } from '../../../routes/pages.ts'
import { freePort } from '../free-port.ts'

/**
 * nginx with the configuration of docs/deployment.md, in front of servers on these ports; resolves to the URL it
 * serves.
 */
export async function startNginx (t: Test, ports: readonly number[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const port = await freePort()
  await writeFile(join(folder, 'nginx.conf'), `
    daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http {
      access_log off;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      ${await configuration(port, ports)}
    }`)
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
  t.teardown(async () => {
    child.kill()
    await once(child, 'exit')
  })
  await Promise.race([
    listening(port),
    once(child, 'exit').then(async () => { throw new Error(await readFile(join(folder, 'error.log'), 'utf8')) })
  ])
  return `http://127.0.0.1:${port}`
}

async function configuration (port: number, ports: readonly number[]): Promise<string> {
  const page = await readFile(join(root, 'docs/deployment.md'), 'utf8')
  const block = /```nginx\n(.*?)```/s.exec(page)?.[1]
  if (!block) throw new Error('docs/deployment.md shows no nginx configuration')
  const servers = ports.map((server) => `server 127.0.0.1:${server};`).join(' ')
  return block.replace(/(server 127\.0\.0\.1:\d+;\s*)+/, servers).replace(/listen \d+;/, `listen 127.0.0.1:${port};`)
}

async function listening (port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const outcome = await Promise.race([
      once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)
    ]).catch(() =>
      false)
    socket.destroy()
    if (outcome) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
