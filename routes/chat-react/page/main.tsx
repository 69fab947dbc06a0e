import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { connect } from 'fastify-channels/client'
import { ChannelsProvider } from 'fastify-channels/react'
import type { chat } from '../../chat/chat.contract.ts'
import { find } from '../../page/dom.ts'
import { currentSession, type Session } from '../../page/session.ts'
import { Connection } from './connection.tsx'
import { Room } from './room.tsx'
import { SignIn } from './sign-in.tsx'

declare module 'fastify-channels/react' {
  interface Register { contracts: typeof chat }
}

/** Connects this page. The contract is imported as a type only, so the page carries no schemas. */
function openClient (session: Session) {
  const client = connect<typeof chat>('../ws/chat', { token: () => session.token() })
  client.onState((state) => { if (state === 'open') session.accepted() })
  return client
}

const session = currentSession()

function Page ({ start }: { start: typeof openClient }) {
  const [client, setClient] = useState(() => session && start(session))
  const [room, setRoom] = useState('lobby')
  if (!client) return <SignIn welcome={(session) => setClient(start(session))} />
  return (
    <ChannelsProvider client={client}>
      <header>
        <Connection />
        {['lobby', 'tea'].map((name) => (
          <button key={name} aria-pressed={name === room} onClick={() => setRoom(name)}>#{name}</button>
        ))}
      </header>
      <Room room={room} />
    </ChannelsProvider>
  )
}

/** One client for the page, although StrictMode calls the initial function of a state twice. */
function once<A extends unknown[], R> (make: (...args: A) => R): (...args: A) => R {
  let made: { readonly value: R } | undefined
  return (...args) => (made ??= { value: make(...args) }).value
}

createRoot(find(document, '#root', HTMLElement)).render(<StrictMode><Page start={once(openClient)} /></StrictMode>)
