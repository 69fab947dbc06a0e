#!/usr/bin/env node
import { runCommand } from './tools/run-command.ts'

const writer = (stream: NodeJS.WriteStream) => (text: string) =>
  new Promise<void>((resolve) => stream.write(text, () => resolve()))

const output = { write: writer(process.stdout), writeError: writer(process.stderr) }

// The process ends here, whatever the application left open.
runCommand(process.argv.slice(2), output).then((code) => process.exit(code))
