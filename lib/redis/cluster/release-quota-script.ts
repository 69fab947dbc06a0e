import { defineScript } from '../script-runner.ts'

export const releaseQuotaScript = defineScript('release-quota', String.raw`
-- KEYS: quota (see acquire-quota-script.ts). ARGV: connection, then every incarnation under which it may be counted
for i = 2, #ARGV do redis.call('ZREM', KEYS[1], ARGV[i] .. ' ' .. ARGV[1]) end
return 1
`)
