import { setTimeout as wait } from 'node:timers/promises'
import { Watcher } from './watcher.js'

/** Speaks at one node and listens at another. One measurement for each message from its parent. */
process.on('message', async (load) => {
  if (load === 'stop') process.send('stopped', () => process.exit())
  else process.send(await measure(load))
})

/** Messages that may be on their way when it is the rate that is measured. */
const window = 128

async function measure ({ from, to, members, seconds, rate, speech, ...entrance }) {
  const speaker = await Watcher.open(from, entrance)
  const watchers = await Promise.all(Array.from({ length: members }, () => Watcher.open(to, entrance)))
  speaker.watch()
  const latencies = []
  const sample = new Set(watchers.filter((_, i) => i % Math.ceil(members / 5) === 0))
  let said = 0
  const say = () => { speaker.say(speech.replace('"@"', JSON.stringify(`@${++said}:${performance.now()}@`))) }
  for (const watcher of watchers) watcher.watch(rate && sample.has(watcher) ? (chunk) => latencies.push(...agesIn(chunk)) : undefined)
  const [first] = watchers
  const talking = rate ? setInterval(say, 1000 / rate) : keepUp(first, () => said, say)
  await wait(1000)
  process.send('measuring')
  const before = total(watchers)
  const earlier = first.frames
  latencies.length = 0
  const began = performance.now()
  await wait(seconds * 1000)
  const elapsed = (performance.now() - began) / 1000
  process.send('measured')
  const result = { messages: (first.frames - earlier) / elapsed, deliveries: (total(watchers) - before) / elapsed, ...spread(latencies) }
  clearInterval(talking)
  for (const watcher of [speaker, ...watchers]) watcher.close()
  return result
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

const total = (watchers) => watchers.reduce((sum, { frames }) => sum + frames, 0)
