import t from 'tap'
import { MultiMap } from '../../lib/multi-map.ts'

t.test('multi-map: a key has no value, one, or several in the order in which they came', async (t) => {
  const map = new MultiMap<string, string>()
  t.strictSame([map.get('a'), map.count('a'), map.has('a', 'x'), map.size], [[], 0, false, 0])
  map.add('a', 'x')
  map.add('a', 'x')
  t.strictSame([map.get('a'), map.count('a'), map.has('a', 'x'), map.has('a', 'y')], [['x'], 1, true, false])
  map.add('a', 'y')
  map.add('a', 'z')
  map.add('a', 'y')
  map.add('b', 'x')
  t.strictSame([map.get('a'), map.count('a'), map.has('a', 'y'), map.size], [['x', 'y', 'z'], 3, true, 2])
})

t.test('multi-map: a key without a value is gone', async (t) => {
  const map = new MultiMap<string, string>()
  map.delete('a', 'x')
  map.add('a', 'x')
  map.delete('a', 'other')
  t.strictSame(map.get('a'), ['x'])
  map.delete('a', 'x')
  t.equal(map.size, 0)
  for (const value of ['x', 'y']) map.add('a', value)
  map.delete('a', 'x')
  t.strictSame([map.get('a'), map.size], [['y'], 1])
  map.delete('a', 'y')
  t.strictSame([map.get('a'), map.count('a'), map.size], [[], 0, 0])
})
