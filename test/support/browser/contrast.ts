import type { Page } from 'playwright-core'

/** The contrast of each text that shows against what is behind it, as WCAG 2 defines it (1 to 21), lowest first. */
export function contrasts (page: Page): Promise<{ ratio: number, text: string }[]> {
  return page.evaluate(() => {
    const channels = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number)
    const isClear = (element: Element) => channels(getComputedStyle(element).backgroundColor)[3] === 0
    const luminance = (color: string) => {
      const [r = 0, g = 0, b = 0] = channels(color).map((c) => {
        const part = c / 255
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const ground = (element: Element): Element =>
      element.parentElement !== null && isClear(element) ? ground(element.parentElement) : element
    const ratio = (element: Element, color: string) => {
      const [a, b] = [luminance(color), luminance(getComputedStyle(ground(element)).backgroundColor)]
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    }
    const hasText = (element: Element) =>
      [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim())
    const shown = [...document.body.querySelectorAll('*')].filter((element) => element.checkVisibility())
    const texts = shown.filter(hasText).map((e) => ({
      ratio: ratio(e, getComputedStyle(e).color), text: e.textContent ?? ''
    }))
    const hints = shown.filter((e) => e.matches('[placeholder]'))
      .map((e) => ({
        ratio: ratio(e, getComputedStyle(e, '::placeholder').color), text: e.getAttribute('placeholder') ?? ''
      }))
    return [...texts, ...hints].sort((a, b) => a.ratio - b.ratio)
  })
}
