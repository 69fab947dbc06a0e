import t from 'tap'
import { languages } from '../support/clients/languages.ts'
import { runFlow } from '../support/clients/run-flow.ts'
import { serveTalk } from '../support/clients/talk.ts'

// `npm run test:clients`: not part of `npm test`, because it installs compilers and interpreters.

t.setTimeout(1_200_000)

const compressed = { websocket: { options: { perMessageDeflate: { threshold: 0 } } } }

for (const { name, prepare } of languages) {
  t.test(`clients: ${name} speaks the main flow of the protocol, also with compression`, async (t) => {
    const program = prepare()
    await runFlow(t, await serveTalk(t), program)
    await runFlow(t, await serveTalk(t, compressed), program)
  })
}
