import t from 'tap'
import { compile } from '../support/types/compile.ts'
import { largeContract } from '../support/types/large-contract.ts'

const most = 400_000

t.test('types: a contract of 150 messages in each direction stays cheap to compile', async (t) => {
  const large = compile(largeContract(150))
  t.comment(`150 messages in each direction: ${large.instantiations} instantiations`)
  t.strictSame(large.errors, [], '150 messages compile')
  t.ok(large.instantiations < most, `150 messages take fewer than ${most} instantiations`)
  const sources = largeContract(1)
  const small = compile({ ...sources, 'client.ts': `${sources['client.ts']}doc.send('do.1', {})` })
  t.match(small.errors, [/^client\.ts\(\d+\): Argument of type '"do\.1"'/], 'a mistake is seen')
  t.ok(large.instantiations > small.instantiations, 'the measure sees the cost of more messages')
})
