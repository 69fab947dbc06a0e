import t from 'tap'
import { failedTypeTests, typeTests } from '../support/types/type-tests.ts'

const wrong = `
import { expect, test } from 'tstyche'
import { connect } from '../../lib/client/index.ts'
test('mistakes', () => {
  expect('a' as string | number).type.toBe<string>()
  expect('a' as string | number).type.not.toBe<string | number>()
  expect('a' as string | number).type.toBeAssignableTo<string>()
  expect<string>().type.toBeAssignableFrom(1)
  // @ts-expect-error Expected 1-2 arguments...got 0
  connect()
  // @ts-expect-error Expected 3 arguments
  connect()
  // @ts-expect-error Expected 1-2 arguments
  connect('/ws').close()
})
`

t.test('types: the type tests hold, and their errors read as announced; a wrong one is found', async (t) => {
  const tests = typeTests()
  t.ok(tests.size > 3, 'there are type tests')
  const found = failedTypeTests(new Map([...tests, ['wrong.tst.ts', wrong]]))
  const isWrong = (failure: string) => failure.startsWith('wrong.tst.ts:')
  t.strictSame(found.filter((failure) => !isWrong(failure)), [])
  t.match(found.filter(isWrong), [
    /:5: /, /:6: /, /:7: /, /:8: /, /:12: no error with .* but Expected 1-2/, /:14: no error with .* but none/
  ])
  t.equal(found.filter(isWrong).length, 6)
})
