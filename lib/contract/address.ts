/** The names of a pattern with their values in one address. */
export type Params = Readonly<Record<string, string>>

/**
 * The address of a channel: `('chat/:room', { room: 'lobby' })` to `'chat/lobby'`.
 * @throws {TypeError} when a param is missing, empty, or holds a slash and so would name another channel.
 */
export function addressOf (pattern: string, params: Params = {}): string {
  return pattern.replace(/:(\w+)/g, (_, name: string) => {
    const value = params[name]
    if (typeof value === 'string' && value !== '' && !value.includes('/')) return value
    throw new TypeError(`'${name}' of '${pattern}' must be a string that is not empty and has no slash`)
  })
}
