import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Watcher } from './watcher.js'

/** Speaks at one node and listens at another. One measurement for each message from its parent. */
process.on('message', async (load) => {
  if (load !== 'stop') return process.send(await measure(load))
  crowd.disconnect()
  process.send('stopped', () => process.exit())
})
process.on('disconnect', () => process.exit())

const crowd = fork(new URL('./crowd.js', import.meta.url))

/** Messages that may be on their way when it is the rate that is measured. */
const window = 128
/** Members whose latencies are taken, spread evenly over the order in which all have entered. */
const sampled = 5

async function measure ({ from, to, members, speakers: count, seconds, rate, speech, ...entrance }) {
  const speakers = await Promise.all(Array.from({ length: count }, () => Watcher.open(from, entrance)))
  for (const speaker of speakers) speaker.watch()
  const watchers = await enter(to, members, entrance)
  const latencies = []
  for (const watcher of watchers) watcher.watch((chunk) => latencies.push(...agesIn(chunk)))
  let said = 0
  const say = () => {
    speakers[said % count].say(speech.replace('"@"', JSON.stringify(`@${++said}:${performance.now()}@`)))
  }
  const talking = rate ? setInterval(say, 1000 / rate) : keepUp(watchers[0], () => said, say)
  await wait(1000)
  latencies.length = 0
  process.send('measuring')
  const deliveries = await during(seconds, watchers)
  process.send('measured')
  clearInterval(talking)
  for (const watcher of [...speakers, ...watchers]) watcher.close()
  await ask('close')
  return { messages: deliveries / members, deliveries, ...spread(latencies) }
}

/** All members in an order that is the same for every system; those that are sampled. */
async function enter (port, members, entrance) {
  const watchers = []
  for (let i = 0; i < sampled; i++) {
    watchers.push(await Watcher.open(port, entrance))
    await ask('open', { port, count: members / sampled - 1, entrance })
  }
  return watchers
}

/** Deliveries to all members, a second. */
async function during (seconds, watchers) {
  const before = await total(watchers)
  const began = performance.now()
  await wait(seconds * 1000)
  return (await total(watchers) - before) / (performance.now() - began) * 1000
}

async function total (watchers) {
  return watchers.reduce((sum, { frames }) => sum + frames, await ask('count'))
}

async function ask (question, rest) {
  crowd.send({ question, ...rest })
  const [{ answer }] = await once(crowd, 'message')
  return answer
}

/** As many on their way as the window allows. */
function keepUp (watcher, said, say) {
  return setInterval(() => { while (said() - watcher.frames < window) say() }, 1)
}

/** How old the messages in a chunk are, in milliseconds: the same process sent them. */
function agesIn (chunk) {
  const now = performance.now()
  return [...chunk.toString('latin1').matchAll(/@\d+:([\d.]+)@/g)].map(([, sent]) => now - Number(sent))
}

function spread (latencies) {
  const sorted = latencies.sort((a, b) => a - b)
  const at = (share) => sorted[Math.floor(sorted.length * share)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}
