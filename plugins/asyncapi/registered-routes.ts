import type { AsyncApiDocument } from '../../lib/asyncapi/asyncapi-document.ts'
import type { AsyncApiSettings, DocumentedRoute } from '../../lib/asyncapi/documented-route.ts'
import type { DocumentOptions, RegisteredRoute } from './registered-route.ts'

/** The WebSocket routes of a server, for their document. */
export class RegisteredRoutes {
  readonly #routes: RegisteredRoute[] = []
  readonly #options: DocumentOptions

  constructor (options: DocumentOptions) {
    this.#options = options
  }

  /** A route that is hidden from OpenAPI is hidden here too. */
  add (route: RegisteredRoute): void {
    if ((route.schema as { readonly hide?: unknown } | undefined)?.hide !== true) this.#routes.push(route)
  }

  /** The code that writes documents is loaded when it is needed. @throws {ContractError} for a wrong example */
  async document (settings: AsyncApiSettings = this.#options.asyncapi ?? {}): Promise<AsyncApiDocument> {
    const { asyncApiDocument } = await import('../../lib/asyncapi/document.ts')
    return asyncApiDocument(await this.documented(), settings)
  }

  /** What is known of the routes, for their document. */
  async documented (): Promise<readonly DocumentedRoute[]> {
    const { documentedRoutes } = await import('./documented-routes.ts')
    return documentedRoutes(this.#routes, this.#options)
  }
}
