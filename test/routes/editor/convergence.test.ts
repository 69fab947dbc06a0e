import t from 'tap'
import { cases } from '../../support/long-form.ts'
import { Simulation } from '../../support/editor/simulation.ts'

const seeds = cases(60, 9)
const edits = 600

t.test('editor: eight users on two nodes converge over a network that loses messages', async (t) => {
  const seen = { stale: 0, refused: 0, appended: 0 }
  for (let seed = 1; seed <= seeds; seed++) {
    const simulation = new Simulation(seed)
    await simulation.run(edits, { epochs: seed % 3 === 0 })
    const { clients, texts, doubled } = simulation
    if (texts.size !== 1) t.fail(`seed ${seed}: ${texts.size} texts`)
    if (doubled.length > 0) t.fail(`seed ${seed}: twice in the log: ${doubled.join()}`)
    if (seed % 3 !== 0 && !simulation.isComplete) t.fail(`seed ${seed}: something was lost`)
    if (clients.some(({ corrected }) => corrected > 0)) {
      t.fail(`seed ${seed}: server and client mapped an edit differently`)
    }
    if (!clients.every(({ draft }) => draft.isSaved)) t.fail(`seed ${seed}: something is pending`)
    seen.stale += simulation.stale
    seen.refused += simulation.refused
    seen.appended += simulation.appended.length
  }
  t.ok(seen.stale > 0 && seen.refused > 0 && seen.appended > 0, JSON.stringify(seen))
})
