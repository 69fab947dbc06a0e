/** What a person means who writes `# Tea Time`. */
export function roomName (text: string): string {
  return text.trim().toLowerCase().replace(/^#\s*/, '').replace(/\s+/g, '-')
}

/** Whether the contract lets a room be called that; its value, with its schemas, stays on the server. */
export function isRoomName (text: string): boolean {
  return /^[a-z0-9-]{1,40}$/.test(text)
}
