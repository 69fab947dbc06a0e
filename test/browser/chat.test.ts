import t, { type Test } from 'tap'
import type { BrowserContextOptions } from 'playwright-core'
import { launchBrowser } from '../support/browser/browser.ts'
import { contrasts } from '../support/browser/contrast.ts'
import { Demo } from '../support/browser/demo.ts'
import { HoldBack } from '../support/browser/hold-back.ts'
import { namelessControls } from '../support/browser/names.ts'

const phone: BrowserContextOptions = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }

/** Before a sign of typing runs out by itself, after 6 s. */
const goneAtOnce = { state: 'hidden', timeout: 4000 } as const

const browser = await launchBrowser()
t.teardown(() => browser.close())

async function start (t: Test): Promise<Demo> {
  const demo = await Demo.start(browser)
  t.teardown(() => demo.end())
  return demo
}

t.test('chat: two people exchange messages and see each other\'s presence and typing', async (t) => {
  const demo = await start(t)
  const ada = await demo.enter('Ada')
  const bob = await demo.enter('Bob')
  await ada.member('Bob').waitFor()
  t.strictSame(await ada.members, ['Ada', 'Bob'])
  t.strictSame(await bob.members, ['Bob', 'Ada'], 'oneself first')

  await ada.say('Hello Bob')
  await bob.hears('Hello Bob')
  await bob.say('<img src=x onerror=alert(1)>')
  await ada.hears('<img src=x onerror=alert(1)>')
  t.equal(await ada.page.locator('.message img').count(), 0, 'what people write is text')

  await bob.draft.pressSequentially('Hm')
  await ada.typing.waitFor()
  t.equal(await ada.typing.textContent(), 'Bob is typing…')
  await bob.draft.fill('')
  await ada.typing.waitFor(goneAtOnce)
  await ada.draft.pressSequentially('Well')
  await bob.typing.waitFor()
  await ada.draft.press('Enter')
  await bob.hears('Well')
  await bob.typing.waitFor(goneAtOnce)
  t.strictSame(await ada.page.locator('.text').allTextContents(), await bob.page.locator('.text').allTextContents())
  t.strictSame(demo.faults, [])
})

t.test('chat: a late member sees who is present, and a member who leaves disappears', async (t) => {
  const demo = await start(t)
  const ada = await demo.enter('Ada')
  const bob = await demo.enter('Bob')
  const cleo = await demo.enter('Cleo')
  t.strictSame(await cleo.members, ['Cleo', 'Ada', 'Bob'])
  await ada.member('Cleo').waitFor()
  await bob.draft.pressSequentially('I')
  await ada.typing.waitFor()
  await bob.close()
  await ada.member('Bob').waitFor({ state: 'detached' })
  await ada.typing.waitFor(goneAtOnce)
  t.strictSame(await ada.members, ['Ada', 'Cleo'])
  t.strictSame(demo.faults, [])
})

t.test('chat: a reload keeps the user and the rooms and leaves no ghost', async (t) => {
  const demo = await start(t)
  const ada = await demo.enter('Ada')
  const bob = await demo.enter('Bob')
  await ada.join('design')
  await ada.join('tea')
  await ada.tab('design').click()
  await ada.page.reload()
  await ada.draft.and(ada.page.getByPlaceholder('#design')).waitFor()
  t.strictSame(await ada.page.locator('.tab-name').allTextContents(), ['lobby', 'design', 'tea'])
  await ada.tab('lobby').click()
  await ada.say('Back')
  await bob.hears('Back')
  t.strictSame(await bob.members, ['Bob', 'Ada'])
  await ada.page.getByRole('button', { name: 'Sign out' }).click()
  await bob.member('Ada').waitFor({ state: 'detached' })
  await ada.page.getByLabel('Your name').waitFor()
  t.strictSame(demo.faults, [])
})

t.test('chat: several rooms stay separate', async (t) => {
  const demo = await start(t)
  const ada = await demo.enter('Ada')
  const bob = await demo.enter('Bob')
  await ada.join('design')
  await bob.join('design', ' # Design ')
  await ada.tab('lobby').click()
  await bob.say('New icons')
  await bob.say('Have a look')
  await ada.page.getByRole('tab', { name: 'design 2 unread' }).waitFor()
  t.equal(await ada.page.title(), '(2) Chat')
  t.equal(await ada.message('New icons').count(), 0, 'not in the room in front')
  await ada.tab('design').click()
  await ada.hears('Have a look')
  t.equal(await ada.page.title(), 'Chat')
  t.equal(await ada.page.locator('.unread:visible').count(), 0)

  await ada.page.getByRole('button', { name: 'Leave design' }).click()
  await bob.member('Ada').waitFor({ state: 'detached' })
  t.equal(await ada.tab('design').count(), 0)
  await ada.page.getByRole('button', { name: 'Leave lobby' }).click()
  await ada.page.getByText('You are in no room').waitFor()
  await ada.join('lobby')
  await bob.tab('lobby').click()
  await bob.member('Ada').waitFor()
  t.strictSame(demo.faults, [])
})

t.test('chat: an invalid room name is refused with a reason', async (t) => {
  const demo = await start(t)
  const ada = await demo.enter('Ada')
  const room = ada.page.getByLabel('Join a room')
  await room.fill('öl/../x')
  await room.press('Enter')
  await ada.page.getByRole('alert').filter({ hasText: 'letters, digits and hyphens' }).waitFor()
  t.equal(await room.getAttribute('aria-invalid'), 'true')
  await ada.join('oil')
  t.equal(await ada.page.locator('#join-problem').textContent(), '')
  t.strictSame(demo.faults, [])
})

t.test('chat: the user\'s own message shows at once, and only once', async (t) => {
  const demo = await start(t)
  const ada = await demo.open()
  const wire = await HoldBack.on(ada.page)
  await ada.signIn('Ada')
  const bob = await demo.enter('Bob')
  wire.hold()
  await ada.say('Hello')
  await ada.message('Hello', 'sending').waitFor()
  await bob.hears('Hello')
  t.equal(await ada.message('Hello', 'sending').count(), 1)
  wire.release()
  await ada.hears('Hello')
  await ada.say('And again')
  await ada.hears('And again')
  t.strictSame(await ada.page.locator('.text').allTextContents(), ['Hello', 'And again'])
  t.strictSame(demo.faults, [])
})

t.test('chat: a message whose ack was lost is posted once', async (t) => {
  const demo = await start(t)
  const ada = await demo.open()
  const wire = await HoldBack.on(ada.page)
  await ada.signIn('Ada')
  const bob = await demo.enter('Bob')
  wire.hold()
  await ada.say('Lost?')
  await bob.hears('Lost?')
  await wire.cut()
  await ada.hears('Lost?')
  await ada.say('No.')
  await bob.hears('No.')
  await ada.hears('No.')
  for (const { page } of [ada, bob]) t.strictSame(await page.locator('.text').allTextContents(), ['Lost?', 'No.'])
  t.strictSame(demo.faults, [])
})

t.test('chat: a refused message says why and is sent on a retry', async (t) => {
  const demo = await start(t)
  const ada = await demo.open()
  const wire = await HoldBack.on(ada.page)
  await ada.signIn('Ada')
  wire.refuse('message.send')
  await ada.say('Too much?')
  await ada.message('Too much?', 'failed').waitFor()
  await ada.page.getByRole('button', { name: 'Try again' }).click()
  await ada.hears('Too much?')
  t.equal(await ada.page.locator('.message').count(), 1)
  t.equal(await ada.page.getByRole('button', { name: 'Try again' }).count(), 0)
  t.strictSame(demo.faults, [])
})

t.test('chat: a new member gets the last 50 messages, none of them unread', async (t) => {
  const demo = await start(t)
  const ada = await demo.enter('Ada')
  const lines = Array.from({ length: 52 }, (_, i) => `Line ${i + 1}`)
  for (const line of lines) await ada.say(line)
  await ada.hears('Line 52')
  const bob = await demo.enter('Bob')
  await bob.hears('Line 52')
  t.strictSame(await bob.page.locator('.text').allTextContents(), lines.slice(2))
  await bob.join('design')
  await bob.page.reload()
  await bob.tab('lobby').waitFor()
  await ada.say('After')
  await bob.page.getByRole('tab', { name: 'lobby 1 unread' }).waitFor()
  await bob.tab('lobby').click()
  await bob.hears('After')
  t.strictSame(
    await bob.page.locator('.text:visible').allTextContents(),
    [...lines.slice(2), 'After'],
    'nothing lost, nothing twice'
  )
  t.strictSame(demo.faults, [])
})

t.test('chat: a lost connection is restored and the conversation continues', async (t) => {
  const demo = await start(t)
  const ada = await demo.enter('Ada')
  const bob = await demo.enter('Bob')
  await ada.say('Hello')
  await bob.hears('Hello')
  const states = await Promise.all([ada.connectionStates(), bob.connectionStates()])
  demo.cut()
  await ada.say('Are you there?')
  await Promise.all(states.map((seen) => seen(['Connecting…', 'Catching up…', 'Connected'])))
  await bob.hears('Are you there?')
  await ada.hears('Are you there?')
  await bob.say('Is anyone there?')
  await bob.hears('Is anyone there?')
  await ada.say('I am')
  await bob.hears('I am')
  t.strictSame(await bob.members, ['Bob', 'Ada'])
  t.strictSame(demo.faults, [])
})

t.test('chat: users return to a restarted server', async (t) => {
  const demo = await start(t)
  const ada = await demo.enter('Ada')
  const bob = await demo.enter('Bob')
  await ada.say('Before')
  await bob.hears('Before')
  await demo.stop()
  await Promise.all([ada.connection('Connecting'), bob.connection('Connecting')])
  await ada.say('Meanwhile')
  await ada.message('Meanwhile', 'sending').getByText('Waiting for the connection…').waitFor()
  await demo.startAgain()
  await Promise.all([ada.connection('Connected'), bob.connection('Connected')])
  await bob.member('Ada').waitFor()
  await ada.hears('Meanwhile')
  await bob.hears('Meanwhile')
  for (const { page } of [ada, bob]) {
    t.equal(
      await page.getByText('Meanwhile', { exact: true }).count(), 1, 'it went out once'
    )
  }
  t.strictSame((await bob.members).sort(), ['Ada', 'Bob'], 'each once, though their tokens are new ones')
})

t.test('chat: everything works with the keyboard alone', async (t) => {
  const demo = await start(t)
  const bob = await demo.enter('Bob')
  const ada = await demo.open()
  const { keyboard } = ada.page
  await ada.at('#name')
  await keyboard.type('Ada')
  await keyboard.press('Enter')
  await ada.at('#draft-lobby')
  await keyboard.type('One')
  await keyboard.press('Shift+Enter')
  await keyboard.type('Two')
  await keyboard.press('Enter')
  await bob.page.getByText('One Two').waitFor()
  t.equal(await bob.page.locator('.text').textContent(), 'One\nTwo')

  await ada.goTo('#join-room', 'Shift+Tab')
  await keyboard.type('design')
  await keyboard.press('Enter')
  await ada.at('#draft-design')
  await ada.goTo('#tab-design', 'Shift+Tab')
  for (const [key, tab] of [
    ['ArrowUp', 'lobby'], ['End', 'design'], ['ArrowRight', 'lobby'], ['ArrowLeft', 'design'], ['Home', 'lobby']
  ]) {
    await keyboard.press(key as string)
    await ada.at(`#tab-${tab}[aria-selected=true]`)
  }
  await ada.goTo('#room-lobby .leave', 'Tab')
  await keyboard.press('Enter')
  await ada.at('#draft-design')
  await bob.member('Ada').waitFor({ state: 'detached' })
  t.strictSame(demo.faults, [])
})

t.test('chat: everything is labelled and readable in light and in dark mode', async (t) => {
  const demo = await start(t)
  const ada = await demo.open()
  const readable = async () => {
    t.strictSame(await namelessControls(ada.page), [])
    for (const colorScheme of ['light', 'dark'] as const) {
      await ada.page.emulateMedia({ colorScheme })
      t.strictSame((await contrasts(ada.page)).filter(({ ratio }) => ratio < 4.5), [], colorScheme)
    }
  }
  await readable()
  await ada.signIn('Ada')
  await readable()
  const bob = await demo.enter('Bob')
  await ada.join('design')
  await ada.tab('lobby').click()
  await ada.say('Mine')
  await bob.say('Theirs')
  await bob.join('design')
  await bob.say('Unread')
  await bob.tab('lobby').click()
  await bob.draft.pressSequentially('x')
  await ada.page.locator('.unread:visible').and(ada.page.getByText('1 unread')).waitFor()
  await ada.typing.waitFor()
  await ada.page.getByLabel('Join a room').fill('?')
  await ada.page.getByRole('button', { name: 'Join' }).click()
  await ada.page.getByRole('alert').filter({ hasText: 'letters' }).waitFor()
  await readable()
  await ada.page.goto(demo.url)
  await ada.page.getByRole('link', { name: 'Try the chat' }).waitFor()
  await readable()
  t.strictSame(demo.faults, [])
  await ada.page.goBack()
  await ada.draft.waitFor()
  await demo.stop()
  await ada.connection('Connecting')
  await ada.say('In vain')
  await ada.message('In vain', 'sending').waitFor()
  await readable()
})

t.test('chat: the page fits a phone', async (t) => {
  const demo = await start(t)
  const ada = await demo.open(phone)
  const fits = async () => t.strictSame(await ada.page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('.log')].filter((e) =>
      e.scrollWidth > e.clientWidth).map((e) =>
      e.className)), [])
  await fits()
  await ada.signIn('Augusta Ada King, Countess of Lovelace')
  for (const room of ['design', 'a-room-with-a-name-of-forty-characters-', 'tea']) await ada.join(room)
  await ada.say('https://example.com/' + 'a'.repeat(300))
  await ada.page.locator('[data-delivery=sent]:visible').waitFor()
  await fits()
  for (const target of [
    ada.draft,
    ada.page.getByRole('button', { name: 'Send' }),
    ada.page.getByRole('button', { name: 'Leave tea' }),
    ada.tab('tea')
  ]) {
    const box = await target.boundingBox()
    t.ok(box && box.x >= 0 && box.x + box.width <= 360 && box.y + box.height <= 740, 'within the screen')
    t.ok(box && box.height >= 24 && box.width >= 24, 'large enough for a finger (WCAG 2.5.8)')
  }
  await ada.page.goto(demo.url)
  await fits()
  await ada.page.getByRole('link', { name: 'Try the chat' }).click()
  await ada.draft.waitFor()
  t.strictSame(demo.faults, [])
})

t.test('chat: a long conversation shows its end until the reader scrolls back', async (t) => {
  const demo = await start(t)
  const ada = await demo.enter('Ada', phone)
  const bob = await demo.enter('Bob')
  const say = async (text: string) => {
    await bob.say(text)
    await ada.hears(text)
  }
  for (let i = 1; i <= 20; i++) await say(`Line ${i}`)
  const isSeen = (text: string) => ada.message(text).evaluate((element) => {
    const log = element.closest('.log')?.getBoundingClientRect()
    return log !== undefined && element.getBoundingClientRect().bottom <= log.bottom + 1
  })
  t.equal(await isSeen('Line 20'), true)
  const log = ada.page.locator('.log:visible')
  await log.evaluate((element) => new Promise((resolve) => {
    element.addEventListener('scroll', resolve, { once: true })
    element.scrollTop = 0
  }))
  await say('Line 21')
  t.equal(await isSeen('Line 21'), false, 'reading goes on undisturbed')
  await ada.say('Mine')
  await ada.hears('Mine')
  t.equal(await isSeen('Mine'), true)
  t.strictSame(demo.faults, [])
})
