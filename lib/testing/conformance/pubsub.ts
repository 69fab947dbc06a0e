import { bytes, framesOf, subscribe } from './test-node.ts'
import type { Rules } from './rule.ts'

export const messages: Rules = {
  'a frame reaches every other node that is subscribed, as the same bytes': async (t, [a, b, c]) => {
    await subscribe('x', a, b, c)
    await a.adapter.pubsub.publish('x', bytes('grüße "1"'))
    for (const node of [b, c]) t.strictSame(await framesOf(node, a, 'x'), ['grüße "1"'], 'it came once')
  },

  'a frame never comes back to the node that published it': async (t, [a, b]) => {
    await subscribe('x', a, b)
    await a.adapter.pubsub.publish('x', bytes('mine'))
    t.strictSame(await framesOf(a, b, 'x'), [], 'only the other node\'s came')
  },

  'a node that publishes need not be subscribed': async (t, [a, b]) => {
    await subscribe('x', b)
    await a.adapter.pubsub.publish('x', bytes('1'))
    t.strictSame(await framesOf(b, a, 'x'), ['1'], 'it came')
  },

  'the frames of one node on one channel arrive in the order published': async (t, [a, b]) => {
    await subscribe('x', b)
    const texts = Array.from({ length: 100 }, (_, i) => `${i}`)
    await Promise.all(texts.map((text) => a.adapter.pubsub.publish('x', bytes(text))))
    t.strictSame(await framesOf(b, a, 'x'), texts, 'one after another')
  },

  'channels are apart, whatever they are called': async (t, [a, b]) => {
    const channels = ['x', 'x/y', 'x/*', 'x?', 'x:y', '{x}', 'X', 'ü', '__proto__']
    for (const channel of channels) await subscribe(channel, b)
    for (const channel of channels) await a.adapter.pubsub.publish(channel, bytes(channel))
    for (const channel of channels) t.strictSame(await framesOf(b, a, channel), [channel], `'${channel}' got its own`)
  },

  'nothing is heard before subscribing or after unsubscribing': async (t, [a, b]) => {
    await subscribe('witness', b)
    await a.adapter.pubsub.publish('x', bytes('too early'))
    await framesOf(b, a, 'witness')
    await subscribe('x', b)
    t.strictSame(await framesOf(b, a, 'x'), [], 'what was published before did not come')
    await b.adapter.pubsub.unsubscribe('x')
    await a.adapter.pubsub.publish('x', bytes('too late'))
    await framesOf(b, a, 'witness')
    t.ok(!b.frames.of('x').includes('too late'), 'nor what was published after')
  },

  'the last of unsubscribe and subscribe counts, though nobody waited for the first': async (t, [a, b]) => {
    await subscribe('x', b)
    await Promise.all([b.adapter.pubsub.unsubscribe('x'), b.adapter.pubsub.subscribe('x')])
    await a.adapter.pubsub.publish('x', bytes('1'))
    t.strictSame(await framesOf(b, a, 'x'), ['1'], 'the node is subscribed')
  },

  'unsubscribing from what was not subscribed to changes nothing': async (t, [a, b]) => {
    await subscribe('x', b)
    await b.adapter.pubsub.unsubscribe('y')
    t.strictSame(await framesOf(b, a, 'x'), [], 'the others are as they were')
  }
}
