import type { Browser, BrowserContextOptions, Locator } from 'playwright-core'
import { PageWindow } from './page-window.ts'

/** One person at one window of the editor. */
export class EditorWindow extends PageWindow {
  static open (browser: Browser, url: string, options?: BrowserContextOptions): Promise<EditorWindow> {
    return EditorWindow.look(browser, `${url}/editor/?doc=minutes`, options)
  }

  async signIn (name: string): Promise<this> {
    await this.page.getByLabel('Your name').fill(name)
    await this.page.getByRole('button', { name: 'Enter' }).click()
    await this.person(name).waitFor()
    return this
  }

  get text (): Locator {
    return this.page.getByRole('textbox', { name: 'Text of minutes' })
  }

  /** What is written, without the cursors and names drawn into it. */
  async read (): Promise<string> {
    return await this.text.evaluate((content) => [...content.querySelectorAll('.cm-line')].map((line) => {
      const copy = line.cloneNode(true) as Element
      for (const cursor of copy.querySelectorAll('.cursor')) cursor.remove()
      return copy.textContent
    }).join('\n'))
  }

  /** Writes a text in one edit: keys that are pressed more than 500 ms apart would be undone one by one. */
  async insert (text: string): Promise<void> {
    await this.text.focus()
    await this.page.keyboard.insertText(text)
  }

  /** Waits until exactly that is written. */
  async reads (text: string): Promise<void> {
    await this.page.waitForFunction((wanted) => [...document.querySelectorAll('.cm-line')].map((line) => {
      const copy = line.cloneNode(true) as Element
      for (const cursor of copy.querySelectorAll('.cursor')) cursor.remove()
      return copy.textContent
    }).join('\n') === wanted, text)
  }

  person (name: string): Locator {
    return this.page.locator('#people li').filter({ hasText: name })
  }

  cursor (name: string): Locator {
    return this.page.locator('.cursor').filter({ hasText: name })
  }

  async saved (): Promise<void> {
    await this.page.locator('#saved').filter({ hasText: 'Saved' }).waitFor()
  }

  connection (words: string): Promise<void> {
    return this.page.getByRole('status').filter({ hasText: words }).waitFor()
  }
}
