import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureInstalled, type Needs } from '../system-packages.ts'
import { runtimePath, type Runtime } from '../versions/runtimes.ts'
import { programs, type Program } from './run-flow.ts'

/** A client of another author: how its program is run, and what it needs. */
export interface Language {
  readonly name: string
  /** Installs what is missing. */
  readonly prepare: () => Program
}

const file = (name: string) => join(programs, name)

function onSystem (name: string, needs: Needs, program: Program): Language {
  return {
    name,
    prepare: () => {
      ensureInstalled(needs)
      return program
    }
  }
}

function onRuntime (name: string, runtime: Runtime, args: readonly string[] = []): Language {
  return { name, prepare: () => ({ command: runtimePath(runtime), args: [...args, file('flow.mjs')] }) }
}

const gopath = '/usr/share/gocode'
const gson = '/usr/share/java/gson.jar'

/** All but Python, whose program is that of docs/clients/python.md. */
export const languages: readonly Language[] = [
  onSystem('Go with gorilla/websocket', {
    probe: ['sh', '-c', `go version && ls ${gopath}/src/github.com/gorilla/websocket`],
    packages: ['golang-go', 'golang-github-gorilla-websocket-dev']
  }, {
    command: 'go',
    args: ['run', file('flow.go')],
    env: { GO111MODULE: 'off', GOPATH: gopath, GOFLAGS: '', GOCACHE: join(tmpdir(), 'channels-go-cache') }
  }),
  onSystem('Java with java.net.http', {
    probe: ['sh', '-c', `javac -version && ls ${gson}`], packages: ['openjdk-17-jdk-headless', 'libgoogle-gson-java']
  }, { command: 'java', args: ['-cp', gson, file('Flow.java')] }),
  onSystem('Ruby with faye-websocket', {
    probe: ['ruby', '-e', 'require "faye/websocket"'], packages: ['ruby', 'ruby-faye-websocket', 'ruby-eventmachine']
  }, { command: 'ruby', args: [file('flow.rb')] }),
  onSystem('Perl with Mojolicious', {
    probe: ['perl', '-MMojolicious', '-e', '1'], packages: ['perl', 'libmojolicious-perl']
  }, { command: 'perl', args: [file('flow.pl')] }),
  onSystem('PHP with a plain socket', {
    probe: ['php', '-v'], packages: ['php-cli']
  }, { command: 'php', args: [file('flow.php')] }),
  onRuntime('Node.js 20', 'node20', ['--experimental-websocket', '--no-warnings']),
  onRuntime('Node.js 22', 'node22'),
  onRuntime('Node.js 24', 'node24'),
  onRuntime('Bun', 'bun'),
  onRuntime('Deno', 'deno', ['run', '--allow-all'])
]
