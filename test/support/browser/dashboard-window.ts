import type { Browser, BrowserContextOptions, Locator } from 'playwright-core'
import { PageWindow } from './page-window.ts'

/** One window that looks at the dashboard. */
export class DashboardWindow extends PageWindow {
  static open (browser: Browser, url: string, options?: BrowserContextOptions): Promise<DashboardWindow> {
    return DashboardWindow.look(browser, `${url}/dashboard/`, options)
  }

  /** The section of a node, by its id. */
  node (id: string): Locator {
    return this.page.locator('.node').filter({ has: this.page.getByText(`Node ${id}`, { exact: true }) })
  }

  /** Waits until the table of the one node shown says so. */
  says (metric: string, value: string | RegExp): Promise<void> {
    return this.page.getByRole('row', { name: metric }).getByRole('cell').filter({ hasText: value }).first().waitFor()
  }

  /** Waits until the connection is in that state. */
  connection (words: string): Promise<void> {
    return this.page.locator('#connection').filter({ hasText: words }).waitFor()
  }

  /** Waits until it is said that the page caught up, and with how many of how many seconds. */
  async caughtUp (): Promise<{ recovered: number, missed: number }> {
    const news = this.page.locator('#news').filter({ hasText: 'Caught up' })
    const [, recovered = 0, missed = 0] = /(\d+) of (\d+)/.exec(await news.textContent() ?? '') ?? []
    return { recovered: Number(recovered), missed: Number(missed) }
  }

  get pause (): Locator {
    return this.page.getByRole('button', { name: 'Pause' })
  }

  get resume (): Locator {
    return this.page.getByRole('button', { name: 'Resume' })
  }

  /** Waits until a drawing has a newest value, and returns its description. */
  async drawing (title: string): Promise<string> {
    return await this.page.getByRole(
      'img', { name: new RegExp(`^${title}:.* \\d`) }
    ).first().getAttribute('aria-label') ?? ''
  }
}
