import t from 'tap'
import { unrecoverableReason } from '../../../lib/protocol/recoverability.ts'
import { factsOf, positionOf, recoverabilityCases } from '../../support/recoverability-cases.ts'

t.test('recoverability: each case of the table gets its reason, or none', async (t) => {
  for (const recoverabilityCase of recoverabilityCases) {
    const { title, reason } = recoverabilityCase
    t.equal(unrecoverableReason(positionOf(recoverabilityCase), factsOf(recoverabilityCase)), reason, title)
  }
})
