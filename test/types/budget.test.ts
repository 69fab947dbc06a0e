import t from 'tap'
import { compile } from '../support/types/compile.ts'
import { largeContract } from '../support/types/large-contract.ts'

const most = 400_000

t.test('types: a contract of 150 messages in each direction stays cheap to compile', async (t) => {
  const counts: number[] = []
  for (const count of [10, 150]) {
    const { errors, instantiations } = compile(largeContract(count))
    counts.push(instantiations)
    t.comment(`${count} messages in each direction: ${instantiations} instantiations`)
    t.strictSame(errors, [], `${count} messages compile`)
    t.ok(instantiations < most, `${count} messages take fewer than ${most} instantiations`)
  }
  t.ok((counts[1] as number) > (counts[0] as number), 'the measure sees the cost of more messages')
})

t.test('types: the compiler sees a mistake in a message', async (t) => {
  const sources = largeContract(1)
  const { errors } = compile({ ...sources, 'client.ts': `${sources['client.ts']}doc.send('do.1', {})` })
  t.match(errors, [/^client\.ts\(\d+\): Argument of type '"do\.1"'/])
})
