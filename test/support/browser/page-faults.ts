import type { Page } from 'playwright-core'

/** Collects what goes wrong on a page: errors on its console, exceptions, resources that do not come. */
export function faultsOf (page: Page): string[] {
  const faults: string[] = []
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) faults.push(message.text()) })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on(
    'response', (response) => { if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`) }
  )
  return faults
}
