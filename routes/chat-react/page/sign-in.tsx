import { useState } from 'react'
import { signIn, type Session } from '../../page/session.ts'

/** Asks for a name until the server accepts one. */
export function SignIn ({ welcome }: { welcome: (session: Session) => void }) {
  const [name, setName] = useState('')
  const [problem, setProblem] = useState('')
  const enter = () => signIn(name.trim()).then(welcome, () => setProblem('That did not work. Try again.'))
  return (
    <form onSubmit={(event) => { event.preventDefault(); enter() }}>
      <h1>Chat in React</h1>
      <label htmlFor='name'>Your name</label>
      <input id='name' value={name} onChange={({ target }) => setName(target.value)} maxLength={40} required autoFocus />
      <p className='problem' role='alert'>{problem}</p>
      <button className='strong'>Enter</button>
    </form>
  )
}
