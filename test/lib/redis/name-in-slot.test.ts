import slotOf from 'cluster-key-slot'
import t from 'tap'
import { Keys } from '../../../lib/redis/keys.ts'
import { nameInSlot } from '../../../lib/redis/name-in-slot.ts'

t.test('slots: a name can be made for each slot, whatever else it has', (t) => {
  const keys = new Keys('my app', 3)
  for (const node of ['0123456789abcdef', 'é{}%']) {
    const wrong = Array.from({ length: 16_384 }, (_, slot) => slot).filter((slot) =>
      slotOf(nameInSlot((text) => keys.ofNode(`${node} ${text}`, 'probe'), slot)) !== slot)
    t.strictSame(wrong, [], `for the node ${node}`)
  }
  t.end()
})
