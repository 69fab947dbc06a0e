import type { MockHandlers } from './mock/mock-options.ts'
import { mockServer } from './mock/mock-server.ts'
import { readArguments, ToolError, type Command } from './command.ts'
import { loadModule } from './load-app.ts'
import { isContract } from './load-document.ts'

const usage = `Usage: fastify-channels mock <module> [--port <port>] [--seed <seed>] [--every <ms>] [--host <host>]

Serves the contracts that the module exports, with values made from their schemas. Where it exports 'on', these are
handlers in place of made answers. Runs until it is interrupted.

  --port <port>  default: 4000
  --seed <seed>  makes the same values again; default: 1
  --every <ms>   time between two messages to a channel; default: 5000, 0 for none
  --host <host>  the address to listen on; default: 127.0.0.1
`

/** `fastify-channels mock` */
export const mockCommand: Command = {
  usage,
  async run (args, output, until) {
    const kinds = { port: 'string', seed: 'string', every: 'string', host: 'string' } as const
    const { positionals: [path = ''], values } = readArguments(args, 'mock', ['module'], kinds)
    const { host = '127.0.0.1', ...numbers } = values
    const { port = 4_000, seed = 1, every = 5_000 } = numbersOf(numbers)
    const module = await loadModule(path)
    const contracts = Object.values(module).filter(isContract)
    if (contracts.length === 0) {
      throw new ToolError(`the module '${path}' exports no contract`, 'export what defineChannel returns')
    }
    const onError = (error: unknown) => { output.writeError(`${String((error as Error).stack)}\n`) }
    const on = module.on as MockHandlers<typeof contracts[number]>
    const mock = await mockServer(contracts, { port, seed, every, host: String(host), on, onError })
    await output.write(`${contracts.map(({ pattern }) => `'${pattern}'`).join(', ')} on ${mock.url}\n`)
    await new Promise((resolve) => until.addEventListener('abort', resolve))
    await mock.close()
    return 0
  }
}

/** @throws {ToolError} */
function numbersOf (values: Readonly<Record<string, string | true | undefined>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => {
    if (/^\d+$/.test(String(value))) return [name, Number(value)]
    throw new ToolError(`the value '${value}' of the option '--${name}'`, 'pass a whole number from 0')
  }))
}
