import { buildApp } from '../../../dist/routes/app.js'
import { serve } from './serve.js'

const channels = { limits: false, jwt: { secret: 'for the bench' }, redis: { url: process.env.REDIS_URL } }
const app = await buildApp({ logger: false, channels })
await app.listen({ port: 0, host: '127.0.0.1' })
while (app.channels.status().state !== 'up') await new Promise((resolve) => setTimeout(resolve, 50))
serve(app.server.address().port)
