import type { Page } from 'playwright-core'

/** The controls that show and that a screen reader could not name. A placeholder is no name. */
export function namelessControls (page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const label = (e: HTMLInputElement) =>
      e.labels?.[0]?.textContent ?? e.ariaLabel ?? (e.matches('button, a') ? e.textContent : '')
    return [...document.querySelectorAll<HTMLInputElement>('input, textarea, button, a')]
      .filter((e) => e.checkVisibility() && !label(e)?.trim())
      .map((e) => e.outerHTML)
  })
}
