import { implement } from '../../../lib/server/implement.ts'
import { outsideTap } from '../fuzz/outside-tap.ts'
import { listen, makeApp } from '../serve.ts'
import { shop } from './shop.ts'

/** A node, for `fork`, whose handler appends and then hangs. Its argument is the URL of Redis. It sends its port. */
const [url] = process.argv.slice(2) as [string]
const { app, sink } = await makeApp(outsideTap(), { redis: { url } })
app.ws('/shop', {}, [implement(shop, {
  on: {
    order: async (ctx, item) => {
      await ctx.broadcast('ordered', item)
      return await new Promise<string>(() => {})
    },
    note: () => {}
  }
})])
const served = await listen(app, sink)
process.send?.(Number(new URL(served.http).port))
