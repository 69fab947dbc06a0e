import type { Browser, BrowserContextOptions, Locator } from 'playwright-core'
import { PageWindow } from './page-window.ts'

/** One person at one window of the chat. What it says and does, it does as that person would. */
export class ChatWindow extends PageWindow {
  static open (browser: Browser, url: string, options?: BrowserContextOptions): Promise<ChatWindow> {
    return ChatWindow.look(browser, `${url}/chat/`, options)
  }

  async signIn (name: string): Promise<this> {
    await this.page.getByLabel('Your name').fill(name)
    await this.page.getByRole('button', { name: 'Enter' }).click()
    await this.draft.waitFor()
    return this
  }

  async join (room: string, written = room): Promise<void> {
    await this.page.getByLabel('Join a room').fill(written)
    await this.page.getByRole('button', { name: 'Join' }).click()
    await this.tab(room).and(this.page.locator('[aria-selected=true]')).waitFor()
  }

  async say (text: string): Promise<void> {
    await this.draft.fill(text)
    await this.draft.press('Enter')
  }

  /** The line to write in, of the room in front. */
  get draft (): Locator {
    return this.page.getByRole('textbox', { name: /^Message #/ })
  }

  tab (room: string): Locator {
    return this.page.getByRole('tab', { name: room })
  }

  /** What the room in front shows of `text`, in that state of delivery. */
  message (text: string, delivery = 'sent'): Locator {
    return this.page.locator(`.message[data-delivery=${delivery}]:visible`).filter({
      has: this.page.getByText(text, { exact: true })
    })
  }

  hears (text: string): Promise<void> {
    return this.message(text).waitFor()
  }

  member (name: string): Locator {
    return this.page.locator('.members:visible li').filter({ has: this.page.getByText(name, { exact: true }) })
  }

  get members (): Promise<string[]> {
    return this.page.locator('.members:visible li .name').allTextContents()
  }

  /** Waits until the connection is in that state. */
  connection (words: string): Promise<void> {
    return this.page.getByRole('status').filter({ hasText: words }).waitFor()
  }

  /**
   * Watches what is said about the connection, from now on; the result waits until all of `words` were, in that order.
   */
  async connectionStates (): Promise<(words: string[]) => Promise<unknown>> {
    const seen = await this.page.getByRole('status').evaluateHandle((status) => {
      const seen: string[] = []
      new MutationObserver(() => seen.push(status.textContent ?? '')).observe(
        status, { childList: true, subtree: true }
      )
      return seen
    })
    return (words) =>
      this.page.waitForFunction(([seen, words]) => words.every((word, i) => seen[i] === word), [seen, words] as const)
  }

  /** Waits until the keyboard is there. */
  at (selector: string): Promise<void> {
    return this.page.locator(`${selector}:focus-visible`).waitFor()
  }

  /** Presses `key` until the keyboard is there. */
  async goTo (selector: string, key: 'Tab' | 'Shift+Tab'): Promise<void> {
    for (let i = 0; i < 30; i++) {
      await this.page.keyboard.press(key)
      if (await this.page.locator(`${selector}:focus-visible`).count() > 0) return
    }
    throw new Error(`${key} does not lead to ${selector}`)
  }

  get typing (): Locator {
    return this.page.locator('.typing:visible').filter({ hasText: /./ })
  }
}
