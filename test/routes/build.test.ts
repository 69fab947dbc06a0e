import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../routes/pages.ts'

t.test('the pages', async (t) => {
  const target = t.testdir()
  const { status, stderr } = spawnSync(process.execPath, ['dist/routes/build.js', target], { cwd: root, encoding: 'utf8' })
  t.equal(status, 0, stderr)

  t.test('are built with all that they link to', async (t) => {
    for (const folder of ['', 'chat', 'dashboard', 'editor']) {
      const html = readFileSync(join(target, folder, 'index.html'), 'utf8')
      const files = readdirSync(join(target, folder))
      const linked = [...html.matchAll(/(?:src|href)="(?:\.\/)?([\w-]+\.\w+)"/g)].map(([, file]) => file as string)
      t.ok(linked.length > 0)
      for (const file of linked) t.ok(files.includes(file), `${folder}/${file}`)
    }
  })

  t.test('carry their contracts as types only', async (t) => {
    for (const page of ['chat', 'dashboard', 'editor']) t.notMatch(readFileSync(join(target, page, 'main.js'), 'utf8'), /TypeBox|maxLength|additionalProperties/, page)
  })
})
