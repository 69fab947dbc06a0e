import t from 'tap'
import { checkProxy } from '../support/proxies/check-proxy.ts'
import { proxies } from '../support/proxies/proxies.ts'

// `npm run test:proxies`: not part of `npm test`, because it installs four servers. nginx is tested there too.

for (const proxy of proxies) checkProxy(t, proxy)
