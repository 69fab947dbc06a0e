/** Turns what a person types, such as `# Tea Time`, into a room's name. */
export function roomName (text: string): string {
  return text.trim().toLowerCase().replace(/^#\s*/, '').replace(/\s+/g, '-')
}

/** Whether the contract allows this name for a room. The schema itself stays on the server. */
export function isRoomName (text: string): boolean {
  return /^[a-z0-9-]{1,40}$/.test(text)
}
