import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AsyncApiDocument } from '../asyncapi/asyncapi-document.ts'
import { ToolError } from './command.ts'

/** What a command needs of an instance of Fastify. */
export interface LoadedApp {
  ready (): PromiseLike<unknown>
  close (): PromiseLike<unknown>
  readonly channels?: { readonly asyncapi: () => Promise<AsyncApiDocument> }
}

export type LoadedModule = Readonly<Record<string, unknown>>

type Plugin = (app: never, options: never) => unknown

/** @throws {ToolError} */
export async function loadModule (path: string): Promise<LoadedModule> {
  const file = resolve(path)
  await access(file).catch(() => { throw new ToolError(`no file '${path}'`, 'pass the path of a module') })
  try {
    return await import(pathToFileURL(file).href) as LoadedModule
  } catch (error) {
    const isForeign = (Object(error) as { code?: unknown }).code === 'ERR_UNKNOWN_FILE_EXTENSION'
    const advice = isForeign ? 'compile it, and pass the compiled module' : 'see its error'
    throw new ToolError(`the module '${path}' cannot be loaded`, advice, error)
  }
}

/**
 * The application of a module, once it is ready: what it exports as `app` or by default. A function is a plugin, as
 * fastify-cli takes it: `(app, options) => …`, registered with its decorators on the application.
 * Undefined for a module that exports no application.
 * @throws {ToolError}
 */
export async function loadApp (module: LoadedModule, path: string): Promise<LoadedApp | undefined> {
  const exported = await (module.app ?? unwrapped(module))
  if (typeof exported !== 'function' && !isApp(exported)) return undefined
  try {
    const app = isApp(exported) ? exported : await registered(exported as Plugin, module.options)
    await app.ready()
    return app
  } catch (error) {
    throw new ToolError(`the application of '${path}' does not become ready`, 'see its error', error)
  }
}

/** A module that was compiled to CommonJS has its default export within the default export. */
function unwrapped (module: LoadedModule): unknown {
  const { default: exported } = module
  return (Object(exported) as LoadedModule).default ?? exported
}

function isApp (value: unknown): value is LoadedApp {
  const { ready, register } = Object(value) as Readonly<Record<string, unknown>>
  return typeof ready === 'function' && typeof register === 'function'
}

async function registered (plugin: Plugin, options: unknown): Promise<LoadedApp> {
  const [{ default: fastify }, { default: fp }] = await Promise.all([import('fastify'), import('fastify-plugin')])
  const app = fastify(Object(options) as object)
  app.register(fp(plugin as never), Object(options) as object)
  return app as unknown as LoadedApp
}
