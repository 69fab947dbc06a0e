import t from 'tap'
import { compile } from '../support/types/compile.ts'
import { largeContract } from '../support/types/large-contract.ts'

const most = 400_000

t.test('types: a contract of 150 messages in each direction stays cheap to compile', async (t) => {
  for (const count of [10, 150]) {
    const { errors, instantiations } = compile(largeContract(count))
    t.comment(`${count} messages in each direction: ${instantiations} instantiations`)
    t.strictSame(errors, [], `${count} messages compile`)
    t.ok(instantiations < most, `${count} messages take fewer than ${most} instantiations`)
  }
})

t.test('the measure sees a mistake and its cost', async (t) => {
  const sources = largeContract(1)
  const { errors } = compile({ ...sources, 'client.ts': `${sources['client.ts']}doc.send('do.1', {})` })
  t.match(errors, [/^client\.ts\(\d+\): Argument of type '"do\.1"'/])
  t.ok(compile(largeContract(2)).instantiations > compile(largeContract(1)).instantiations)
})
