const key = 'chat.rooms'

export interface Remembered { readonly rooms: readonly string[], readonly front?: string | undefined }

/** The rooms that this tab had open before a reload; the lobby for a new visitor. */
export function rememberedRooms (): Remembered {
  const text = sessionStorage.getItem(key)
  return text === null ? { rooms: ['lobby'] } : JSON.parse(text) as Remembered
}

export function rememberRooms (remembered: Remembered): void {
  sessionStorage.setItem(key, JSON.stringify(remembered))
}
