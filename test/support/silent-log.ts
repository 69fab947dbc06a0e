import type { Logger } from '../../lib/logger.ts'

/** For what is not about the log. */
export const silentLog: Logger = { info: () => {}, warn: () => {}, error: () => {}, child: () => silentLog }
