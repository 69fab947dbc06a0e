import t from 'tap'
import { buildApp } from '../../routes/app.ts'

t.test('POST /token', async (t) => {
  const ask = async (demo: boolean, body: object) => {
    const app = await buildApp({ demo })
    t.teardown(() => app.close())
    return app.inject({ method: 'POST', url: '/token', body })
  }

  t.test('gives an identity to anyone with a name', async (t) => {
    const answer = await ask(true, { name: 'ann' })
    t.equal(answer.statusCode, 200)
    const [, claims = ''] = answer.json<{ token: string }>().token.split('.')
    t.match(
      JSON.parse(Buffer.from(claims, 'base64url').toString()), { sub: /^[0-9a-f-]{36}$/, name: 'ann', exp: Number }
    )
  })

  t.test('needs a name and nothing else', async (t) => {
    for (const body of [{}, { name: '' }, { name: 'x'.repeat(41) }]) t.equal((await ask(true, body)).statusCode, 400)
  })

  t.test('is refused when the demo is off', async (t) => {
    t.equal((await ask(false, { name: 'ann' })).statusCode, 403)
  })
})
