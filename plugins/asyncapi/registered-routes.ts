import type { AsyncApiDocument } from '../../lib/asyncapi/asyncapi-document.ts'
import type { AsyncApiSettings } from '../../lib/asyncapi/documented-route.ts'
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
    const { documentOf } = await import('./documented-routes.ts')
    return documentOf(this.#routes, this.#options, settings)
  }
}
