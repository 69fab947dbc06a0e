import t from 'tap'
import { launchBrowser } from '../support/browser/browser.ts'
import { PageWindow } from '../support/browser/page-window.ts'
import { serveDemo } from '../support/demo.ts'

const browser = await launchBrowser()
t.teardown(() => browser.close())

t.test('chat in React: two people talk in several rooms and see each other', async (t) => {
  const demo = await serveDemo(t)
  const enter = async (name: string) => {
    const window = await PageWindow.look(browser, `${demo.http}/chat-react/`)
    t.teardown(() => window.close())
    await window.page.getByLabel('Your name').fill(name)
    await window.page.getByRole('button', { name: 'Enter' }).click()
    await window.page.getByRole('status').filter({ hasText: 'Connected' }).waitFor()
    return window
  }
  const [ada, bob] = [await enter('Ada'), await enter('Bob')]
  const says = async ({ page }: PageWindow, text: string) => {
    await page.getByRole('textbox').fill(text)
    await page.getByRole('textbox').press('Enter')
  }
  const sees = ({ page }: PageWindow, text: string) => page.getByText(text).waitFor()
  await sees(ada, 'Here now: Ada, Bob')
  await says(ada, 'Hello Bob')
  await sees(bob, 'Ada Hello Bob')
  await says(bob, 'Hello Ada')
  await sees(ada, 'Bob Hello Ada')

  await bob.page.getByRole('button', { name: '#tea' }).click()
  await bob.page.getByRole('region', { name: '#tea' }).waitFor()
  t.equal(await bob.page.getByRole('listitem').count(), 0, 'another room begins empty')
  await sees(ada, 'Here now: Ada')
  await says(bob, 'Tea?')
  await ada.page.getByRole('button', { name: '#tea' }).click()
  await sees(ada, 'Bob Tea?')
  await ada.page.getByRole('button', { name: '#lobby' }).click()
  await sees(ada, 'Bob Hello Ada')
  t.equal(demo.app.channels.status().rooms, 2)
  t.strictSame([...ada.faults, ...bob.faults], [])
})
