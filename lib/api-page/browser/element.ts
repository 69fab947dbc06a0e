type Attribute = string | boolean | number | undefined | ((event: Event) => void)

/**
 * Makes an element. A function as an attribute is a listener for the event of that name; `true` is an attribute without
 * a value. Texts stay text.
 */
export function element<K extends keyof HTMLElementTagNameMap> (
  tag: K, attributes: Readonly<Record<string, Attribute>> = {}, ...children: ReadonlyArray<Node | string>
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value)
    else if (value === true) made.setAttribute(name, '')
    else if (value !== undefined && value !== false) made.setAttribute(name, String(value))
  }
  made.append(...children)
  return made
}

let labels = 0

/** An id that no other element has, for labels. */
export function freshId (): string {
  return `page-${++labels}`
}

/** A control with its label before it. */
export function labelled (text: string, control: HTMLElement): HTMLElement {
  const id = freshId()
  control.id = id
  return element('div', { class: 'field' }, element('label', { for: id }, text), control)
}

/** A button that does something. */
export function button (text: string, onClick: () => void): HTMLButtonElement {
  return element('button', { type: 'button', click: onClick }, text)
}

/** Says that a value within the element changed otherwise than by typing. */
export function changed (within: HTMLElement): void {
  within.dispatchEvent(new Event('input', { bubbles: true }))
}
