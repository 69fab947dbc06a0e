import t from 'tap'
import { checkProxy } from '../support/proxies/check-proxy.ts'
import { nginx } from '../support/proxies/proxies.ts'

checkProxy(t, nginx)
