import { proseOf, readPage } from './page.ts'

/** A message of a session: from the client `C`, or from the server `S`. */
export interface SessionLine {
  readonly from: 'C' | 'S'
  readonly message: SessionMessage
}

export interface SessionMessage {
  readonly type: string
  readonly channel?: string
  readonly payload?: Readonly<Record<string, unknown>>
  readonly correlationId?: string
}

/** What a client and a server say to each other, as docs/protocol.md shows it. */
export interface Session {
  /** The heading above it. */
  readonly title: string
  readonly lines: readonly SessionLine[]
}

/** The sessions of docs/protocol.md: its blocks in the language `session`. */
export function sampleSessions (): Session[] {
  const { text, blocks } = readPage('docs/protocol.md')
  const lines = text.split('\n')
  return blocks.filter(({ language }) => language === 'session').map(({ code, line }) => ({
    title: [...proseOf(lines.slice(0, line - 2).join('\n')).matchAll(/^#+ (.+)$/gm)].at(-1)?.[1] as string,
    lines: code.trim().split('\n').map((text) =>
      ({ from: text.slice(0, 1) as 'C' | 'S', message: JSON.parse(text.slice('C: '.length)) as SessionMessage }))
  }))
}
