import t from 'tap'
import { suggestion } from '../../../lib/contract/suggestion.ts'

t.test('suggestion: a misspelt name gets the closest known name, another name gets none', async (t) => {
  const known = ['heartbeat', 'origins', 'jwt', 'history']
  t.equal(suggestion('heartBeat', known), "; did you mean 'heartbeat'?", 'letter case is ignored')
  t.equal(suggestion('orgins', known), "; did you mean 'origins'?", 'a missing letter')
  t.equal(suggestion('histroy', known), "; did you mean 'history'?", 'two exchanged letters')
  t.equal(suggestion('payload', known), '', 'no name is close')
  t.equal(suggestion('x', ['id']), '', 'a name of which no letter is left is not close')
  t.equal(suggestion('a', []), '', 'no names are known')
})
