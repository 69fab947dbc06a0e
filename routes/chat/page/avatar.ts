const hues = 8

/** A round badge with the initial of a name, in a colour that stays with the user. */
export function avatar (user: string, name: string): HTMLElement {
  const element = document.createElement('span')
  element.className = `avatar hue-${hueOf(user)}`
  element.setAttribute('aria-hidden', 'true')
  element.textContent = initial(name)
  return element
}

// Takes a whole code point, because half of a surrogate pair is not a letter.
function initial (name: string): string {
  return [...name.trim()][0]?.toUpperCase() ?? '?'
}

function hueOf (user: string): number {
  const sum = [...user].reduce((hash, c) => (hash * 31 + c.charCodeAt(0)) >>> 0, 7)
  return sum % hues
}
