import { runClientFlow } from './client-flow.ts'

// The flow as a program of its own, for runtimes other than that of the tests. It prints each step that passed, and
// `done`. It knows only what all runtimes have.

const { CHANNELS_URL: url = '', CHANNELS_ROOM: room = '', ...tokens } = process.env as Record<string, string>

await runClientFlow({ url, room, tokens }, (step) => process.stdout.write(`ok ${step}\n`))
process.stdout.write('done\n')
