import { StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { connect } from '../../../lib/client/index.ts'
import { ChannelsProvider, useConnectionState, useMessages, usePresence } from '../../../lib/react/index.ts'
import type { chat } from '../../../routes/chat/chat.contract.ts'

declare const token: string

// At module level, as applications have it: the server runs this line too.
export const client = connect<typeof chat>('/ws/chat', { token: () => token })

function Room () {
  const { state } = useConnectionState()
  const { messages, channel, status } = useMessages('chat/:room', { room: 'rendered' }, { types: ['message.posted'] })
  const present = usePresence(channel)
  return (
    <p>
      <b id='state'>{state}</b>
      <b id='status'>{status} {messages.map(({ payload }) => payload.text).join()}</b>
      <b id='present'>{present?.map(({ data }) => data.name).join()}</b>
      <button onClick={() => channel?.send('message.send', { text: 'hello' })}>Say hello</button>
    </p>
  )
}

export const page = <StrictMode><ChannelsProvider client={client}><Room /></ChannelsProvider></StrictMode>

if (globalThis.document) hydrateRoot(document.getElementById('root') as HTMLElement, page)
