import type { Page } from 'playwright-core'

/** Collects violations of the content security policy of a page: call it before the page is opened. */
export async function policyFaults (page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    const violations: string[] = []
    Object.assign(globalThis, { policyViolations: violations })
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      violations.push(`${violatedDirective} ${blockedURI}`)
    })
  })
  return () => page.evaluate(() => (globalThis as unknown as { policyViolations: string[] }).policyViolations)
}
