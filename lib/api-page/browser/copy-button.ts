import { button, element } from './element.ts'

/** Copies a text, and shows it, because a page without TLS may not write to the clipboard. */
export function copyButton (words: string, textOf: () => string): HTMLElement {
  const shown = element('pre', { class: 'copied', tabindex: 0, 'aria-label': words })
  const said = element('output')
  const whole = element('div', { class: 'copy' }, button(words, () => {
    const text = textOf()
    shown.textContent = text
    whole.append(shown, said)
    const copied = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('there is no clipboard'))
    copied.then(() => 'copied', () => 'select the text and copy it').then((words) => { said.textContent = words })
  }))
  return whole
}
