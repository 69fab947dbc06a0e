import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { buildPages } from '../../routes/build.ts'

t.test('every page is built, with all it links to', async (t) => {
  const target = t.testdir()
  await buildPages(target)
  for (const folder of ['', 'chat']) {
    const html = readFileSync(join(target, folder, 'index.html'), 'utf8')
    const files = readdirSync(join(target, folder))
    const linked = [...html.matchAll(/(?:src|href)="(?:\.\/)?([\w-]+\.\w+)"/g)].map(([, file]) => file as string)
    t.ok(linked.length > 0)
    for (const file of linked) t.ok(files.includes(file), `${folder}/${file}`)
  }
})

t.test("the chat's bundle carries its contract as types only", async (t) => {
  const target = t.testdir()
  await buildPages(target)
  t.notMatch(readFileSync(join(target, 'chat/main.js'), 'utf8'), /TypeBox|maxLength/)
})
