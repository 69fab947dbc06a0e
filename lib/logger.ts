/** What the library needs of a logger: pino's shape, which is Fastify's. */
export interface Logger {
  info (details: object, message: string): void
  warn (details: object, message: string): void
  error (details: object, message: string): void
  child (bindings: object): Logger
}

/**
 * Logs as an error what the application threw. Anything can be thrown: a value that throws when the logger reads it is
 * left out, because it must not end the process.
 */
export function logError (log: Logger, details: object, err: unknown, text: string): void {
  try {
    log.error({ ...details, err }, text)
  } catch {
    log.error({ ...details, err: new Error('the thrown value cannot be read') }, text)
  }
}
