import { createElement, Fragment } from 'react'
import { ChatApp } from '../../support/react/chat-app.ts'
import { hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { act } from 'react'
import t from 'tap'
import { connect } from '../../../lib/client/index.ts'
import { ChannelsProvider, useClient, useConnectionState, useMessages, usePresence } from '../../../lib/react/index.ts'
import type { chat } from '../../../routes/chat/chat.contract.ts'

const State = () => {
  const { state, lastError } = useConnectionState()
  return createElement(Fragment, null, `${state} ${lastError?.code ?? ''}`)
}

t.test('react: useConnectionState shows each state and the last failure to connect', async (t) => {
  const app = new ChatApp(t, { autoConnect: false, isStrict: true })
  await app.render(State)
  t.equal(app.text, 'idle ')
  await app.act(() => app.client.open())
  t.equal(app.text, 'connecting ')
  await app.act(() => app.network.last.end(1006))
  t.equal(app.text, 'connecting connection_failed')
  await app.accept()
  t.equal(app.text, 'open ')
  await app.act(() => app.client.close())
  t.equal(app.text, 'closed ')
})

t.test('react: useClient gives the client of the provider', async (t) => {
  const app = new ChatApp(t)
  await app.render(() => {
    t.equal(useClient(), app.client)
    return null
  })
})

t.test('react: a hook without a provider says what to do', async (t) => {
  const Alone = () => String(useClient())
  t.throws(() => renderToString(createElement(Alone)), {
    code: 'FST_CHANNELS_USAGE',
    message: 'no client above this component: wrap the application in <ChannelsProvider client={client}>'
  })
})

t.test('react: a server renders without a connection, and the browser takes its page over', async (t) => {
  const Page = () => {
    const { status, messages, channel } = useMessages('chat/:room', { room: 'x' }, { types: ['message.posted'] })
    return createElement('p', null, createElement(State),
      createElement('b', null, `${status} ${messages.length} ${usePresence(channel)}`))
  }
  const used: string[] = []
  class Unused extends EventTarget {
    constructor (url: string) {
      super()
      used.push(url)
    }

    send (): void {}
    close (): void {}
  }
  const client = connect<typeof chat>('/ws/chat', { WebSocket: Unused })
  const page = createElement(ChannelsProvider, { client }, createElement(Page))
  const html = renderToString(page)
  t.equal(html, '<p>idle <b>joining 0 undefined</b></p>')
  t.strictSame([client.state, used], ['idle', []])

  const app = new ChatApp(t)
  const container = document.createElement('div')
  container.innerHTML = html
  const errors = t.capture(console, 'error', () => {})
  const root = await act(async () => hydrateRoot(
    container, createElement(ChannelsProvider, { client: app.client }, createElement(Page))
  ))
  t.teardown(async () => { await act(async () => root.unmount()) })
  t.equal(container.textContent, 'connecting joining 0 undefined')
  t.strictSame(errors(), [], 'React finds no difference')
})
