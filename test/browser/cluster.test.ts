import t from 'tap'
import { DemoNode } from '../cluster/demo-node.ts'
import { startRedis } from '../redis.ts'
import { launchBrowser } from './browser.ts'
import { ChatWindow } from './chat-window.ts'

const browser = await launchBrowser()
t.teardown(() => browser.close())

t.test('two people, each at another node: they talk, see each other, and see each other type', async (t) => {
  const redis = await startRedis(t)
  const [a, b] = await Promise.all([DemoNode.start(t, redis.url), DemoNode.start(t, redis.url)])
  const enter = async (node: DemoNode, name: string) => {
    const window = await ChatWindow.open(browser, node.http)
    t.teardown(() => window.close())
    return window.signIn(name)
  }
  const ada = await enter(a, 'Ada')
  const bob = await enter(b, 'Bob')
  await ada.member('Bob').waitFor()
  t.strictSame(await ada.members, ['Ada', 'Bob'])
  await bob.member('Ada').waitFor()
  await ada.say('Hello Bob')
  await bob.hears('Hello Bob')
  await bob.draft.pressSequentially('Hm')
  await ada.typing.waitFor()
  await bob.draft.fill('')
  await ada.typing.waitFor({ state: 'hidden' })
  await bob.say('Hello Ada')
  await ada.hears('Hello Ada')
  t.strictSame(await ada.page.locator('.text').allTextContents(), await bob.page.locator('.text').allTextContents())
  await bob.close()
  await ada.member('Bob').waitFor({ state: 'detached' })
  t.strictSame([...ada.faults, ...bob.faults], [])
})
