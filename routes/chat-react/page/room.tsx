import { useState } from 'react'
import { useMessages, usePresence } from 'fastify-channels/react'

/** One room: who is there, what they say, and a line to write in. */
export function Room ({ room }: { room: string }) {
  const { messages, channel, error, rejoin } = useMessages('chat/:room', { room }, { types: ['message.posted'] })
  const present = usePresence(channel) ?? []
  const [problem, setProblem] = useState('')
  const say = async (text: string) => {
    const sent = await channel?.trySend('message.send', { text })
    setProblem(sent?.ok === false ? sent.error.message : '')
  }
  if (error) return <p role='alert'>{error.message} <button onClick={rejoin}>Join again</button></p>
  return (
    <section aria-label={`#${room}`}>
      <p>Here now: {present.map(({ data }) => data.name).join(', ')}</p>
      <ol className='messages'>
        {messages.map(({ payload, entry }) => <li key={entry.id}><b>{payload.name}</b> {payload.text}</li>)}
      </ol>
      <Composer room={room} say={say} />
      <p className='problem' role='alert'>{problem}</p>
    </section>
  )
}

function Composer ({ room, say }: { room: string, say: (text: string) => void }) {
  const [draft, setDraft] = useState('')
  const send = () => {
    if (draft.trim()) say(draft.trim())
    setDraft('')
  }
  return (
    <form onSubmit={(event) => { event.preventDefault(); send() }}>
      <input
        aria-label={`Message #${room}`} value={draft} onChange={({ target }) => setDraft(target.value)} maxLength={2000}
      />
      <button className='strong'>Send</button>
    </form>
  )
}
