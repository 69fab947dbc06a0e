import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import type { ClientState, connect as Connect, StopConnecting as Stop, TypedClient } from '../../../lib/client/index.ts'
import type { chat } from '../../../routes/chat/chat.contract.ts'

/**
 * A page without a bundler: one file of the client and an import map, as docs/guide/frontends.md shows. It shows the
 * state of its client as docs/react.md does.
 */
export const failuresPage = `<!doctype html>
<link rel="icon" href="data:,">
<p></p>
<script type="importmap">{ "imports": { "fastify-channels/client": "/client.js" } }</script>
<script type="module">
  import { connect, StopConnecting } from 'fastify-channels/client'
  window.connect = connect
  window.StopConnecting = StopConnecting
  window.start = (url, options) => {
    const client = connect(url, { onError () {}, ...options })
    const seen = { client, errors: [], states: [] }
    const show = () => {
      const { state, lastError } = client
      document.querySelector('p').textContent = state === 'open' ? 'Connected' : lastError?.reason ?? 'Connecting'
    }
    client.onState((state, close) => { seen.states.push({ state, close }); show() })
    client.onConnectError(({ status, code, reason, willRetry, retryIn }) => {
      seen.errors.push({ status, code, reason, willRetry, retryIn })
      show()
    })
    return seen
  }
</script>`

/** What the page's client tells its application. */
export interface Seen {
  readonly client: TypedClient<typeof chat>
  readonly errors: object[]
  readonly states: Array<{ readonly state: ClientState, readonly close?: { readonly code: number } }>
}

declare const StopConnecting: typeof Stop
declare function start (url: string, options?: Parameters<typeof Connect>[1]): Seen

export type TokenKind = 'none' | 'stops' | 'throws' | { readonly text: string }

/** The first failed attempt to connect, then the state of the client and what the page shows. */
export function firstFailure (page: Page, url: string, kind: TokenKind): Promise<object> {
  return page.evaluate(async ([url, kind]) => {
    const sources = {
      stops: () => new StopConnecting('nobody is logged in'),
      throws: () => { throw new Error('the session is over') }
    }
    const token = typeof kind === 'object' ? () => kind.text : kind === 'none' ? undefined : sources[kind]
    const { client, errors } = start(url, { token })
    while (errors.length === 0) await new Promise((resolve) => client.onConnectError(resolve))
    await Promise.resolve()
    const { state } = client
    const shown = document.querySelector('p')?.textContent
    client.close()
    return { ...errors[0], state, shown }
  }, [url, kind] as const)
}

/** A proxy that passes requests on, and knows no `Upgrade`. @returns the port */
export async function plainProxy (t: Test, port: string): Promise<number> {
  const proxy = createServer(({ url: path, method, headers: { upgrade, connection, ...headers } }, response) => {
    request({ port, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode as number, answer.headers)
      answer.pipe(response)
    }).end()
  })
  t.teardown(() => { proxy.closeAllConnections(); proxy.close() })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return (proxy.address() as AddressInfo).port
}
