import t from 'tap'
import { Balancer } from '../support/balancer.ts'
import { DemoNode } from '../support/cluster/demo-node.ts'
import { startRedis } from '../support/redis.ts'
import { launchBrowser } from '../support/browser/browser.ts'
import { ChatWindow } from '../support/browser/chat-window.ts'

const browser = await launchBrowser()
t.teardown(() => browser.close())

t.test('chat on two nodes: users exchange messages, presence and typing', async (t) => {
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

t.test('chat on two nodes: two nodes are killed in turn, and no message is lost or doubled', async (t) => {
  const redis = await startRedis(t)
  const nodes = await Promise.all([1, 2, 3].map(() => DemoNode.start(t, redis.url))) as [DemoNode, DemoNode, DemoNode]
  const balancer = await Balancer.start(t, nodes.map(({ http }) => Number(new URL(http).port)))
  const enter = async (url: string, name: string) => {
    const window = await ChatWindow.open(browser, url)
    t.teardown(() => window.close())
    return window.signIn(name)
  }
  const ada = await enter(balancer.url, 'Ada')
  const bob = await enter(nodes[2].http, 'Bob')
  await ada.member('Bob').waitFor()
  await bob.say('before')
  await ada.hears('before')
  for (const [i, node] of nodes.slice(0, 2).entries()) {
    const connected = ada.connection('Connected')
    await node.signal('SIGKILL')
    await ada.say(`away ${i}`)
    await bob.say(`meanwhile ${i}`)
    await connected
    await bob.hears(`away ${i}`)
    await ada.hears(`away ${i}`)
    await ada.hears(`meanwhile ${i}`)
  }
  await bob.say('after')
  await ada.hears('after')
  const texts = (window: ChatWindow) => window.page.locator('.text').allTextContents()
  t.strictSame((await texts(ada)).sort(), ['after', 'away 0', 'away 1', 'before', 'meanwhile 0', 'meanwhile 1'])
  t.strictSame(await texts(ada), await texts(bob), 'in one order for both')
  t.strictSame(bob.faults, [])
})
