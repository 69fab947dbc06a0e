import t from 'tap'
import { suggestion } from '../../../lib/contract/option-checks.ts'

t.test('suggestion: a misspelt name gets the closest known name, any other name all known names', async (t) => {
  const known = ['heartbeat', 'origins', 'jwt', 'history']
  t.equal(suggestion('heartBeat', known), "did you mean 'heartbeat'?", 'letter case is ignored')
  t.equal(suggestion('orgins', known), "did you mean 'origins'?", 'a missing letter')
  t.equal(suggestion('histroy', known), "did you mean 'history'?", 'two exchanged letters')
  t.equal(suggestion('payload', known), "use one of 'heartbeat', 'origins', 'jwt', 'history'", 'no name is close')
  t.equal(suggestion('x', ['id']), "use one of 'id'", 'a name of which no letter is left is not close')
  t.equal(suggestion('a', []), 'remove it', 'no names are known')
})
