import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../routes/pages.ts'

t.test('the built pages', async (t) => {
  const target = t.testdir()
  const { status, stderr } = spawnSync(
    process.execPath, ['dist/routes/build.js', target], { cwd: root, encoding: 'utf8' }
  )
  t.equal(status, 0, stderr)

  t.test('contain everything that they link to', async (t) => {
    for (const folder of ['', 'chat', 'chat-react', 'dashboard', 'editor']) {
      const html = readFileSync(join(target, folder, 'index.html'), 'utf8')
      const files = readdirSync(join(target, folder))
      const linked = [...html.matchAll(/(?:src|href)="(?:\.\/)?([\w-]+\.\w+)"/g)].map(([, file]) => file as string)
      t.ok(linked.length > 0)
      for (const file of linked) t.ok(files.includes(file), `${folder}/${file}`)
    }
  })

  t.test('link to their source as text', async (t) => {
    const home = readFileSync(join(target, 'index.html'), 'utf8')
    for (const name of ['chat', 'dashboard', 'editor']) {
      t.ok(home.includes(`href="${name}/source/"`))
      const list = readFileSync(join(target, name, 'source/index.html'), 'utf8')
      const files = [...list.matchAll(/href="([^"]+\.txt)"/g)].map(([, file]) => file as string)
      t.ok(files.includes(`${name}.contract.ts.txt`) && files.includes('page/main.ts.txt'))
      for (const file of files) {
        t.equal(
          readFileSync(join(target, name, 'source', file), 'utf8'),
          readFileSync(join(root, 'routes', name, file.slice(0, -4)), 'utf8')
        )
      }
    }
  })

  t.test('carry their contracts as types only', async (t) => {
    for (const page of [
      'chat', 'dashboard', 'editor'
    ]) t.notMatch(readFileSync(join(target, page, 'main.js'), 'utf8'), /TypeBox|maxLength|additionalProperties/, page)
    // React itself has the word maxLength.
    t.notMatch(readFileSync(join(target, 'chat-react/main.js'), 'utf8'), /TypeBox|additionalProperties/)
  })
})
