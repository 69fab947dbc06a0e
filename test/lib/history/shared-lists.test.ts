import t from 'tap'
import { SharedLists } from '../../../lib/history/shared-lists.ts'

t.test('history: lists that end with the same message share the bytes of the longest one', async (t) => {
  const lists = new SharedLists()
  const texts = (messages: readonly Buffer[]) => JSON.parse(Buffer.concat(lists.partsOf(messages)).toString())
  const bytesOf = (messages: readonly Buffer[]) => lists.partsOf(messages)[1]?.buffer
  const [one, two, three, four, other] = [1, 2, 3, 4, 5].map((n) => Buffer.from(`{"n":"grün ${n}"}`)) as
    [Buffer, Buffer, Buffer, Buffer, Buffer]

  t.strictSame([texts([]), texts([one])], [[], [{ n: 'grün 1' }]], 'short lists have nothing to share')
  t.strictSame(texts([two, three]), [{ n: 'grün 2' }, { n: 'grün 3' }], 'a list')
  t.strictSame(texts([one, two, three]), [{ n: 'grün 1' }, { n: 'grün 2' }, { n: 'grün 3' }], 'a longer list')
  t.strictSame(texts([two, three]), [{ n: 'grün 2' }, { n: 'grün 3' }], 'the end of it')
  t.equal(bytesOf([two, three]), bytesOf([one, two, three]), 'has the same bytes')
  t.strictSame(texts([other, three]), [{ n: 'grün 5' }, { n: 'grün 3' }], 'another list with the same end')
  t.strictSame(texts([two, three, four]), [{ n: 'grün 2' }, { n: 'grün 3' }, { n: 'grün 4' }], 'after an append')
})
