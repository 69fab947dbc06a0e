/** A user, as the others see one. */
export interface Person {
  readonly user: string
  readonly name: string
}

const key = 'chat.token'

/** Who this window is. It lives as long as the tab does: a reload is the same user, another tab may be another. */
export class Session implements Person {
  #token: string
  /** How the previous attempt to connect ended; undefined after a success. */
  #attempt: 'first' | 'reached' | undefined

  constructor (token: string) {
    this.#token = token
  }

  get user (): string {
    return claims(this.#token).sub
  }

  get name (): string {
    return claims(this.#token).name
  }

  /**
   * A token for the next attempt to connect. A browser does not say why an attempt failed. If one failed although the
   * server could be reached, the server must have refused the token (it restarted, or twelve hours have passed), and
   * the page asks for a new one in the same name. Before that is certain, a new token would make a second user of one
   * person.
   */
  async token (): Promise<string> {
    if (this.#attempt === 'first') await reachServer()
    if (this.#attempt === 'reached') this.#token = await newToken(this.name)
    this.#attempt = this.#attempt === undefined ? 'first' : 'reached'
    return this.#token
  }

  /** The server accepted the token. */
  accepted (): void {
    this.#attempt = undefined
  }
}

export async function signIn (name: string): Promise<Session> {
  return new Session(await newToken(name))
}

/** The session this tab had before a reload. */
export function currentSession (): Session | undefined {
  const token = sessionStorage.getItem(key)
  return token === null ? undefined : new Session(token)
}

export function signOut (): void {
  sessionStorage.clear()
}

async function newToken (name: string): Promise<string> {
  const response = await fetch('../token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name })
  })
  if (!response.ok) throw new Error(`the server answered ${response.status}`)
  const { token } = await response.json() as { token: string }
  sessionStorage.setItem(key, token)
  return token
}

/** Rejects while the server cannot be reached. */
async function reachServer (): Promise<void> {
  await fetch('', { method: 'HEAD', cache: 'no-store' })
}

// The server verifies the token; the page only reads it.
function claims (token: string): { sub: string, name: string } {
  const base64 = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
  return JSON.parse(new TextDecoder().decode(bytes))
}
