import { ChangeSet, Text } from '@codemirror/state'
import t from 'tap'
import { cross, faultOf, harmTo, longestInsert, longestText, type ChangesJson } from '../../../routes/editor/changes.ts'

const text = (value: string) => Text.of(value.split('\n'))

t.test('changes: an invalid edit is told from a valid one', async (t) => {
  const cases: ReadonlyArray<readonly [changes: ChangesJson, fault: string | undefined]> = [
    [[3], undefined],
    [[1, [1, 'x', 'y'], 1], undefined],
    [[3, [0, '😀']], undefined],
    [[3, [0, 'x']], undefined],
    [[2], 'made for a document of another length'],
    [[4], 'made for a document of another length'],
    [[1e308, 1e308], 'a length that is none'],
    [[-1, 4], 'a length that is none'],
    [[1.5, 1.5], 'a length that is none'],
    [[3, []], 'a length that is none'],
    [[3, ['x']], 'a length that is none'],
    [[[3, 1]], 'a line that is none'],
    [[3, [0, 'a\rb']], 'a line break inside a line'],
    [[3, [0, 'a\nb']], 'a line break inside a line'],
    [[3, [0, '\ud83d']], 'half of a surrogate pair'],
    [[3, [0, '\ude00x']], 'half of a surrogate pair'],
    [[3, [0, 'x'.repeat(longestInsert)]], undefined],
    [[3, [0, 'x'.repeat(longestInsert), '']], `more than ${longestInsert} characters at once`],
    [Array.from({ length: 1_001 }, () => 0), 'more than 1000 parts']
  ]
  for (const [changes, fault] of cases) t.equal(faultOf(changes, 3), fault, JSON.stringify(changes).slice(0, 40))
})

t.test('changes: 100,000 parts are refused before they are parsed', async (t) => {
  let looks = 0
  const parts = new Proxy(Array.from({ length: 100_000 }, () => [0, 'xxxxxx']), {
    get: (target, key) => { looks++; return Reflect.get(target, key) }
  })
  t.equal(faultOf(parts, 0), 'more than 1000 parts')
  t.ok(looks < 10, `${looks} looks at them`)
})

t.test('changes: an edit that splits a surrogate pair or grows the text too long is refused', async (t) => {
  const smile = text('a😀b')
  const at = (from: number, to = from, insert = '') => ChangeSet.of({ from, to, insert }, 4)
  t.equal(harmTo(smile, at(1, 3)), undefined)
  t.equal(harmTo(smile, at(2, 2, 'x')), 'half of a surrogate pair')
  t.equal(harmTo(smile, at(1, 2)), 'half of a surrogate pair')
  t.equal(harmTo(smile, at(2, 4)), 'half of a surrogate pair')
  t.equal(harmTo(smile, at(0, 4)), undefined)

  const full = text('x'.repeat(longestText))
  t.match(harmTo(full, ChangeSet.of({ from: 0, insert: 'x' }, longestText)), /longer than/)
  t.equal(harmTo(full, ChangeSet.of({ from: 0, to: 1, insert: 'y' }, longestText)), undefined)
})

t.test('changes: of two inserts at one position the later goes first, and both sides agree', async (t) => {
  const [first, second] = [ChangeSet.of({ from: 1, insert: 'F' }, 2), ChangeSet.of({ from: 1, insert: 'S' }, 2)]
  const { earlier, later } = cross(first, second)
  const one = later.apply(first.apply(text('ab'))).toString()
  t.equal(one, 'aSFb')
  t.equal(earlier.apply(second.apply(text('ab'))).toString(), one)
})
