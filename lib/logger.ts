/** What the library needs of a logger: pino's shape, which is Fastify's. */
export interface Logger {
  info (details: object, message: string): void
  warn (details: object, message: string): void
  error (details: object, message: string): void
  child (bindings: object): Logger
}
