const key = 'chat.rooms'

export interface Remembered { readonly rooms: readonly string[], readonly front?: string | undefined }

/** The rooms this tab was in before a reload; the lobby for who comes in. */
export function rememberedRooms (): Remembered {
  const text = sessionStorage.getItem(key)
  return text === null ? { rooms: ['lobby'] } : JSON.parse(text) as Remembered
}

export function rememberRooms (remembered: Remembered): void {
  sessionStorage.setItem(key, JSON.stringify(remembered))
}
