import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { AsyncApiDocument } from '../asyncapi/asyncapi-document.ts'
import { asyncApiDocument } from '../asyncapi/document.ts'
import { parseYaml } from '../asyncapi/yaml.ts'
import type { AnyChannel } from '../contract/define-channel.ts'
import { ToolError } from './command.ts'
import { loadApp, loadModule, type LoadedApp, type LoadedModule } from './load-app.ts'

/**
 * The document of a file: a document in JSON or YAML, or a module that exports an application or contracts.
 * @throws {ToolError}
 */
export async function loadDocument (path: string): Promise<AsyncApiDocument> {
  const kind = extname(path)
  if (kind === '.json') return readDocument(path, async (text) => JSON.parse(text) as unknown)
  if (kind === '.yaml' || kind === '.yml') return readDocument(path, parseYaml)
  const module = await loadModule(path)
  const contracts = Object.values(module).filter(isContract)
  const app = contracts.length > 0 && module.app === undefined ? undefined : await loadApp(module, path)
  if (app) return documentOfApp(app, path)
  if (contracts.length > 0) return asyncApiDocument([{ url: '/', contracts }])
  throw new ToolError(`the module '${path}' exports neither an application nor a contract`, 'export an instance of ' +
    "Fastify as 'app', a plugin by default, or what defineChannel returns")
}

async function readDocument (path: string, parse: (text: string) => Promise<unknown>): Promise<AsyncApiDocument> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new ToolError(`no file '${path}'`, 'pass the path of a document or a module')
  })
  const document = await parse(text).catch((error: unknown) => {
    throw new ToolError(`the file '${path}' cannot be read as a document`, 'see its error', error)
  })
  if (/^3\./.test(String((Object(document) as LoadedModule).asyncapi))) return document as AsyncApiDocument
  throw new ToolError(`the file '${path}' is no AsyncAPI document of version 3`, 'pass one that this package wrote')
}

async function documentOfApp (app: LoadedApp, path: string): Promise<AsyncApiDocument> {
  try {
    if (app.channels) return await app.channels.asyncapi()
  } finally {
    await app.close()
  }
  throw new ToolError(`the application of '${path}' has no fastify-channels`,
    'register it at its root, or in a plugin made with fastify-plugin')
}

/** Whether a value is what `defineChannel` or `defineConnection` returns. */
export function isContract (value: unknown): value is AnyChannel {
  const { pattern, definition } = Object(value) as Partial<AnyChannel>
  return typeof pattern === 'string' && typeof definition === 'object'
}
