// The steps of test/support/clients/steps.ts with the WebSocket of browsers, as Node.js, Bun and Deno have it.
import { deepStrictEqual as same, ok, strictEqual as equal } from 'node:assert'
import { randomUUID } from 'node:crypto'
import process from 'node:process'

const { CHANNELS_URL: url, CHANNELS_ROOM: name, ANN: ann, ANN_AGAIN: annAgain, BOB: bob, CAROL: carol } = process.env
const room = `talk/${name}`
const text = 'hällo 👋'
const done = (step) => process.stdout.write(`ok ${step}\n`)

/** One WebSocket: replies by correlation id, everything else in the order of arrival. */
class Person {
  #queue = []
  #waiting = []
  #replies = new Map()

  constructor (token) {
    const socket = new WebSocket(url, token ? ['fastify-channels.v1', `bearer.${token}`] : [])
    this.socket = socket
    this.closed = new Promise((resolve) => { socket.onclose = ({ code }) => resolve(code) })
    this.opened = new Promise((resolve, reject) => {
      socket.onopen = () => resolve(this)
      socket.onerror = () => reject(new Error('the upgrade failed'))
    })
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data))
  }

  #receive (envelope) {
    const reply = this.#replies.get(envelope.correlationId)
    if (reply) reply(envelope)
    else if (envelope.type === 'welcome') same(envelope.payload.patterns, ['talk/:room'])
    else if (this.#waiting.length > 0) this.#waiting.shift()(envelope)
    else this.#queue.push(envelope)
  }

  async next (type) {
    const envelope = this.#queue.shift() ?? await new Promise((resolve) => this.#waiting.push(resolve))
    equal(envelope.type, type, JSON.stringify(envelope))
    equal(envelope.channel, room)
    return envelope
  }

  reply (type, channel, payload, correlationId = randomUUID()) {
    this.socket.send(JSON.stringify({ type, channel, payload, correlationId }))
    return new Promise((resolve) => this.#replies.set(correlationId, resolve))
  }

  async request (...request) {
    const reply = await this.reply(...request)
    equal(reply.type, 'ack', JSON.stringify(reply))
    return reply
  }

  async fails (code, type, channel, ...request) {
    const reply = await this.reply(type, channel, ...request)
    equal(reply.type, 'error')
    equal(reply.payload.code, code)
    equal(reply.channel, channel)
    return reply.payload
  }
}

const connect = (token) => new Person(token).opened
const timer = setTimeout(() => { throw new Error('no end after 60 s') }, 60_000)

// A browser does not see the status of a refused upgrade.
equal(await connect().catch(({ message }) => message), 'the upgrade failed')
done('refused')

const a = await connect(ann)
equal(a.socket.protocol, 'fastify-channels.v1')
done('connected')
ok(!('payload' in await a.request('ping')))
done('ping')

const { epoch, hash, ...joined } = (await a.request('join', room)).payload
ok(epoch)
same(joined, {
  presence: [{ user: 'id-of-ann', data: { name: 'ann' } }],
  idempotent: ['message.send'],
  offset: 0,
  recovered: false,
  reason: 'fresh',
  messages: []
})
done('joined')

const b = await connect(bob)
const { presence } = (await b.request('join', room)).payload
same(presence.map(({ user }) => user).sort(), ['id-of-ann', 'id-of-bob'])
same((await a.next('presence')).payload.joined, [{ user: 'id-of-bob', data: { name: 'bob' } }])
done('presence')

const sent = await a.request('message.send', room, { text }, `first-of-${room}`)
const first = await a.next('message.posted')
same(await b.next('message.posted'), first)
same(first.payload, { id: sent.payload.id, from: 'ann', text })
same([first.offset, sent.offset, first.prev], [1, 1, ''])
done('sent')
same(await a.request('message.send', room, { text }, `first-of-${room}`), sent)
done('repeated')
await a.fails('conflict', 'message.send', room, { text: 'other' }, `first-of-${room}`)
done('conflict')

await a.request('typing', room, { active: true })
const { id: _, ...typing } = await b.next('typing.changed')
same(typing, { type: 'typing.changed', channel: room, payload: { user: 'ann', active: true } })
done('typing')

equal((await a.fails('invalid_payload', 'message.send', room, { text: 7 })).details.path, '/text')
await a.fails('unknown_type', 'nonsense', room)
await a.fails('unknown_channel', 'join', 'nowhere/1')
await a.fails('forbidden', 'join', 'talk/secret')
await a.fails('already_joined', 'join', room)
await a.fails('not_joined', 'typing', 'talk/other', { active: true })
same((await a.fails('muted', 'message.send', room, { text: 'mute me' })).details, { until: 7 })
done('errors')

const long = 'x'.repeat(60_000)
await a.request('message.send', room, { text: long })
const large = await a.next('message.posted')
same([large.payload.text, large.offset, large.prev], [long, 2, first.hash])
same(await b.next('message.posted'), large)
done('large')
await a.request('ask.pong', room)
done('pong')

ok(!('payload' in await a.request('refresh', undefined, { token: annAgain })))
await a.fails('invalid_token', 'refresh', undefined, { token: bob })
done('refreshed')

await a.request('leave', room)
same((await b.next('presence')).payload.left, ['id-of-ann'])
done('left')

// A browser cannot drop a connection, so it closes it.
const before = await connect(ann)
const since = (await before.request('join', room)).payload
before.socket.close(4000)
await before.closed
same((await b.next('presence')).payload.joined.map(({ user }) => user), ['id-of-ann'])
const missed = []
for (const text of ['three', 'four']) {
  await b.request('message.send', room, { text })
  missed.push(await b.next('message.posted'))
}
const after = await connect(ann)
const position = { epoch: since.epoch, offset: since.offset, hash: since.hash }
const recovery = (await after.request('join', room, { since: position })).payload
same([recovery.recovered, recovery.messages], [true, missed])
same(missed.map(({ prev }) => prev), [large.hash, missed[0].hash])
done('recovered')

await after.request('leave', room)
const fresh = (await after.request('join', room, { since: { ...position, epoch: 'another' } })).payload
same([fresh.recovered, fresh.reason, fresh.messages.length], [false, 'epoch', 4])
done('unrecoverable')

const c = await connect(ann)
await c.request('join', room)
await c.request('ask.remove', room)
same((await c.next('left')).payload, { code: 'removed' })
done('removed')

for (const [step, code, message] of [
  ['binary', 1003, new Uint8Array(1)], ['garbage', 1008, '{'], ['too-large', 1009, 'x'.repeat(70_000)]
]) {
  const { socket, closed } = await connect(ann)
  socket.send(message)
  equal(await closed, code)
  done(step)
}

for (const [step, code, token] of [['revoke', 3000, carol], ['disconnect', 3003, bob]]) {
  const victim = await connect(token)
  await victim.request('join', room)
  victim.reply(`ask.${step}`, room)
  equal(await victim.closed, code)
  done(`${step}${step.endsWith('e') ? 'd' : 'ed'}`)
}

b.socket.close(1000)
equal(await b.closed, 1000)
done('closed')
for (const { socket } of [a, c, after]) socket.close()
clearTimeout(timer)
