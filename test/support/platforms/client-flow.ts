import {
  connect, type ClientState, type ConnectError, type ConnectOptions, type EntryInfo, type TypedChannel, type TypedClient
} from '../../../lib/client/index.ts'
import type { talk } from '../clients/talk.ts'
import { failureOf, Received, same } from './expectations.ts'

/** What the flow needs: a server of test/support/clients/talk.ts, and what differs between the platforms. */
export interface Platform extends Pick<ConnectOptions, 'WebSocket' | 'fetch' | 'networkEvents'> {
  readonly url: string
  /** A room that nobody else uses. */
  readonly room: string
  readonly tokens: Readonly<Record<string, string>>
}

type Talk = typeof talk

/** One user in the room, and what the listeners were called with. */
class Visitor {
  readonly client: TypedClient<Talk>
  readonly states = new Received<ClientState>()
  readonly failures = new Received<ConnectError>()
  readonly texts = new Received<readonly [offset: number, text: string]>()
  readonly resyncs = new Received<string>()
  readonly typing = new Received<boolean>()
  readonly recovered = new Received<void>()
  readonly present = new Received<readonly string[]>()
  readonly left = new Received<string>()
  /** What the option `token` gives next. */
  token: string
  readonly #room: string

  constructor ({ url, room, tokens, ...options }: Platform, token: string) {
    this.token = token
    this.#room = room
    this.client = connect<Talk>(url, { token: () => this.token, timeout: 10_000, ...options })
    this.client.onState(this.states.add)
    this.client.onConnectError(this.failures.add)
  }

  async join (): Promise<TypedChannel<Talk['definition']>> {
    const channel = await this.client.join('talk/:room', { room: this.#room }, {
      onResync: ({ reason }) => this.resyncs.add(reason),
      on: {
        'message.posted': ({ text }, { offset }: EntryInfo) => this.texts.add([offset, text]),
        'typing.changed': ({ active }) => this.typing.add(active)
      }
    })
    channel.onPresence((presence) => this.present.add(usersIn(presence)))
    channel.onRecovered(this.recovered.add)
    channel.onLeft(({ code }) => this.left.add(code))
    return channel
  }

  /** Resolves at the next change to this state. */
  becomes (wanted: ClientState): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.client.onState((state) => {
        if (state !== wanted) return
        stop()
        resolve()
      })
    })
  }
}

function usersIn (presence: ReadonlyArray<{ readonly user: string }>): string[] {
  return presence.map(({ user }) => user).toSorted()
}

/**
 * What the client of this package does on every platform. It knows no test runner, so it runs in a browser too. Calls
 * `passed` after each step. @throws {Error} at the first step that fails, or after 60 s
 */
export async function runClientFlow (platform: Platform, passed: (step: string) => void = () => {}): Promise<string[]> {
  const visitors: Visitor[] = []
  const steps: string[] = []
  let current = ''
  let timer: ReturnType<typeof setTimeout> | undefined
  const step = async (name: string, run: () => Promise<void>) => {
    current = name
    await run()
    steps.push(name)
    passed(name)
  }
  const enter = (token = '') => {
    const visitor = new Visitor(platform, token)
    visitors.push(visitor)
    return visitor
  }
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no end after 60 s')), 60_000)
  })
  try {
    await Promise.race([talkAndListen(platform, enter, step), late])
    return steps
  } catch (cause) {
    throw new Error(`${current}: ${String(cause)}`, { cause })
  } finally {
    clearTimeout(timer)
    for (const { client } of visitors) client.close()
  }
}

async function talkAndListen (
  { room, tokens: { ANN, ANN_AGAIN = '', BOB = '', CAROL } }: Platform,
  enter: (token?: string) => Visitor,
  step: (name: string, run: () => Promise<void>) => Promise<void>
): Promise<void> {
  await step('a refused upgrade is reported with its status and code', async () => {
    const { failures, client } = enter()
    const { status, code, willRetry } = await failures.next()
    same([status, code, willRetry], [401, 'FST_CHANNELS_UNAUTHENTICATED', true])
    same([client.state, client.lastError?.status], ['connecting', 401])
    client.close()
  })

  const ann = enter(ANN)
  await step('a token opens the connection', async () => {
    await ann.client.ready()
    same(ann.states.all, ['open'])
  })

  const annChannel = await ann.join()
  await step('a join has the presence list and an empty history', async () => {
    same(usersIn(annChannel.presence), ['id-of-ann'])
    same([await ann.resyncs.next(), ann.texts.all], ['fresh', []])
  })

  const bob = enter(BOB)
  const bobChannel = await bob.join()
  const both = ['id-of-ann', 'id-of-bob']
  await step('presence tells of another user', async () => {
    same([usersIn(bobChannel.presence), await ann.present.next()], [both, both])
  })

  await step('a message is answered and reaches both', async () => {
    const { id } = await annChannel.send('message.send', { text: 'hällo 👋' })
    same(typeof id, 'string')
    for (const { texts } of [ann, bob]) same(await texts.next(), [1, 'hällo 👋'])
  })

  await step('a later handle gets the presence and the history', async () => {
    const second = await bob.join()
    same([await bob.texts.next(), usersIn(second.presence)], [[1, 'hällo 👋'], both])
    await second.leave()
  })

  await step('older messages are read in pages', async () => {
    const page = await bobChannel.history({ before: 2, limit: 1 })
    same(page.messages.map(({ payload, offset }) => [offset, payload.text]), [[1, 'hällo 👋']])
    same([page.hasMore, page.position.offset], [false, 1])
    same((await bobChannel.history()).messages, [])
  })

  await step('an ephemeral message reaches the other', async () => {
    await annChannel.send('typing', { active: true })
    same([await bob.typing.next(), ann.typing.all], [true, []])
  })

  await step('errors of the server have their code and data', async () => {
    const muted: unknown = await failureOf(annChannel.send('message.send', { text: 'mute me' }))
    same(annChannel.isError(muted, 'message.send', 'muted') && muted.data, { until: 7 })
    const invalid = await annChannel.trySend('message.send', { text: '' })
    same(invalid.ok || invalid.error.code, 'invalid_payload')
    const secret = ann.client.join('talk/:room', { room: 'secret' }, { onResync: 'ignore' })
    same((await failureOf(secret))['code'], 'forbidden')
  })

  await step('the client refuses what the server said that it does not take', async () => {
    const large = annChannel.send('message.send', { text: 'x'.repeat(70_000) })
    same((await failureOf(large))['code'], 'payload_too_large')
    const unsayable = annChannel.send('message.send', { text: 7n as unknown as string })
    same((await failureOf(unsayable))['code'], 'invalid_payload')
    const nowhere = ann.client.join('nowhere' as 'talk/:room', { room: '' }, { onResync: 'ignore' })
    same((await failureOf(nowhere))['code'], 'unknown_channel')
  })

  await step('refresh takes another token of the same user only', async () => {
    ann.token = BOB
    same((await failureOf(ann.client.refresh()))['code'], 'invalid_token')
    ann.token = ANN_AGAIN
    await ann.client.refresh()
  })

  await step('a dropped connection recovers the missed messages, each once', async () => {
    same((await failureOf(bobChannel.send('ask.drop')))['code'], 'disconnected')
    for (const { texts, recovered } of [ann, bob]) {
      same([await texts.next(), await texts.next()], [[2, 'missed 1'], [3, 'missed 2']])
      await recovered.next()
    }
    same(ann.states.all, ['open', 'connecting', 'recovering', 'open'])
  })

  await step('a message that is sent without a connection arrives once', async () => {
    const connecting = ann.becomes('connecting')
    const asked = failureOf(bobChannel.send('ask.drop'))
    await connecting
    await annChannel.send('message.send', { text: 'waited' })
    await asked
    await bob.recovered.next()
    same(ann.texts.all.map(([offset]) => offset), [1, 2, 3, 4, 5, 6])
    same(ann.texts.all.at(-1), [6, 'waited'])
  })

  await step('the server adds the client to a channel', async () => {
    const added = new Received<TypedChannel<Talk['definition']>>()
    const heard = new Received<unknown>()
    const stop = ann.client.onJoined('talk/:room', (channel) => {
      channel.onResync(({ reason }) => heard.add(reason))
      channel.on('message.posted', ({ text }, { offset }) => heard.add([offset, text]))
      added.add(channel)
    })
    await annChannel.send('ask.add', `${room}-added`)
    const channel = await added.next()
    await channel.send('message.send', { text: 'hello' })
    same([await heard.next(), await heard.next()], ['fresh', [1, 'hello']])
    await channel.leave()
    stop()
  })

  await step('the server removes a member', async () => {
    await bobChannel.trySend('ask.remove')
    same(await bob.left.next(), 'removed')
    same((await failureOf(bobChannel.send('typing', { active: true })))['code'], 'not_joined')
  })

  await step('a disconnected client is closed, and its channels return when it is opened', async () => {
    const closed = ann.becomes('closed')
    await annChannel.trySend('ask.disconnect')
    await closed
    same((await failureOf(ann.client.ready()))['code'], 'closed')
    ann.client.open()
    await ann.becomes('open')
    await annChannel.send('message.send', { text: 'back' })
    same(ann.texts.all.at(-1), [7, 'back'])
  })

  await step('close() leaves at once, without the grace period of a lost connection', async () => {
    const carol = enter(CAROL)
    await carol.join()
    const here = await bob.join()
    same(usersIn(here.presence), [...both, 'id-of-carol'])
    const gone = new Promise<void>((resolve) => here.onPresence((_presence, change) => {
      if (change?.left.includes('id-of-carol')) resolve()
    }))
    carol.client.close()
    same(carol.client.state, 'closed')
    await gone
  })
}
