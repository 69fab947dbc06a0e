import { message, messagesTo, subscribe } from './test-node.ts'
import type { Rules } from './rule.ts'

export const pubsubRules: Rules = {
  'pubsub: a message reaches every other subscribed node unchanged': async (t, [a, b, c]) => {
    await subscribe('x', a, b, c)
    await a.adapter.pubsub.publish('x', message('grüße "1"'))
    for (const node of [b, c]) t.strictSame(await messagesTo(node, a, 'x'), ['grüße "1"'], 'the message arrives once')
  },

  'pubsub: a message never comes back to its publisher': async (t, [a, b]) => {
    await subscribe('x', a, b)
    await a.adapter.pubsub.publish('x', message('mine'))
    t.strictSame(await messagesTo(a, b, 'x'), [], 'only the message of the other node arrives')
  },

  'pubsub: a message carries whom it is not for': async (t, [a, b]) => {
    await subscribe('x', b)
    const excepts = [{ user: 'grüße "1"' }, { connection: 'c', membersOf: ['y', 'z'] }, undefined]
    for (const except of excepts) await a.adapter.pubsub.publish('x', message('1'), { latest: 'key' }, except)
    t.strictSame(await messagesTo(b, a, 'x'), ['1', '1', '1'], 'the messages arrive')
    t.strictSame(b.excepts.of('x').slice(0, 3), excepts, 'each has its own')
  },

  'pubsub: a node may publish without a subscription': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.pubsub.publish('x', message('1'))
    t.strictSame(await messagesTo(b, a, 'x'), ['1'], 'the message arrives')
  },

  'pubsub: messages of one node on a channel arrive in order': async (t, [a, b]) => {
    await subscribe('x', b)
    const texts = Array.from({ length: 100 }, (_, i) => `${i}`)
    await Promise.all(texts.map((text) => a.adapter.pubsub.publish('x', message(text))))
    t.strictSame(await messagesTo(b, a, 'x'), texts, 'the order is kept')
  },

  'pubsub: channels are separate, whatever their names': async (t, [a, b]) => {
    const channels = ['x', 'x/y', 'x/*', 'x?', 'x:y', '{x}', 'X', 'ü', '__proto__']
    for (const channel of channels) await subscribe(channel, b)
    for (const channel of channels) await a.adapter.pubsub.publish(channel, message(channel))
    for (const channel of channels) {
      t.strictSame(
        await messagesTo(b, a, channel),
        [channel],
        `'${channel}' gets its own message only`
      )
    }
  },

  'pubsub: messages arrive only between subscribe and unsubscribe': async (t, [a, b]) => {
    await subscribe('other', b)
    await a.adapter.pubsub.publish('x', message('too early'))
    await messagesTo(b, a, 'other')
    await subscribe('x', b)
    t.strictSame(await messagesTo(b, a, 'x'), [], 'a message from before the subscription does not arrive')
    await b.adapter.pubsub.unsubscribe('x')
    await a.adapter.pubsub.publish('x', message('too late'))
    await messagesTo(b, a, 'other')
    t.ok(!b.messages.of('x').includes('too late'), 'a message after the subscription does not arrive')
  },

  'pubsub: the last of unsubscribe and subscribe counts, even if neither is awaited': async (t, [a, b]) => {
    await subscribe('x', b)
    await Promise.all([b.adapter.pubsub.unsubscribe('x'), b.adapter.pubsub.subscribe('x')])
    await a.adapter.pubsub.publish('x', message('1'))
    t.strictSame(await messagesTo(b, a, 'x'), ['1'], 'the node is subscribed')
  },

  'pubsub: unsubscribing from a channel without a subscription does nothing': async (t, [a, b]) => {
    await subscribe('x', b)
    await b.adapter.pubsub.unsubscribe('y')
    t.strictSame(await messagesTo(b, a, 'x'), [], 'the other subscription still works')
  }
}
