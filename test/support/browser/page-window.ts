import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { faultsOf } from './page-faults.ts'

/** One person at one window, as all demos have them. */
export class PageWindow {
  readonly page: Page
  readonly faults: string[]

  constructor (page: Page) {
    this.page = page
    this.faults = faultsOf(page)
    page.setDefaultTimeout(15_000)
  }

  /** A window of the class this is called on, with what it has of its own: cookies, sizes, colours. */
  static async look<W extends PageWindow> (
    this: new (page: Page) => W, browser: Browser, url: string, options: BrowserContextOptions = {}
  ): Promise<W> {
    const context = await browser.newContext(options)
    const window = new this(await context.newPage())
    await window.page.goto(url)
    return window
  }

  close (): Promise<void> {
    return this.page.context().close()
  }
}
