import { StrictMode, useState } from 'react'
import { flushSync } from 'react-dom'
import { createRoot } from 'react-dom/client'
import { connect } from '../../../lib/client/index.ts'
import { ChannelsProvider, useChannel, useConnectionState, useMessages, usePresence } from '../../../lib/react/index.ts'
import type { chat } from '../../../routes/chat/chat.contract.ts'

/** What a test calls in the page. */
export interface ReactPage {
  /** Mounts or unmounts both components of the room. */
  show (isShown: boolean): void
  /** Unmounts and mounts them so many times, mostly without a wait, and ends mounted. */
  storm (cycles: number): Promise<void>
}

declare const token: string

const client = connect<typeof chat>('/ws/chat', { token: () => token })
const target = ['chat/:room', { room: 'storm' }] as const

function Texts () {
  const { messages, channel, status, error } = useMessages(...target, { types: ['message.posted'] })
  const present = usePresence(channel)
  return (
    <p>
      <b id='texts'>{status} {error?.message} {messages.map(({ payload }) => payload.text).join()}</b>
      <b id='present'>{present?.map(({ data }) => data.name).join()}</b>
      <button onClick={() => channel?.send('message.send', { text: 'hello' })}>Say hello</button>
    </p>
  )
}

function Room () {
  return <b id='room'>{useChannel(...target, { onResync: 'ignore' }).status}</b>
}

function Page () {
  const [isShown, setShown] = useState(false)
  const { state } = useConnectionState()
  const page: ReactPage = {
    show: (isShown) => flushSync(() => setShown(isShown)),
    async storm (cycles) {
      for (let i = 0; i < cycles; i++) {
        page.show(false)
        page.show(true)
        if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve))
      }
    }
  }
  Object.assign(window, { page })
  return <div><b id='state'>{state}</b>{isShown && <><Texts /><Room /></>}</div>
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode><ChannelsProvider client={client}><Page /></ChannelsProvider></StrictMode>
)
