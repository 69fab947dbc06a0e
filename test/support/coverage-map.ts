import { basename } from 'node:path'

/** Test processes that run nothing which others do not run. Without coverage they need a tenth less CPU time. */
const withoutCoverage = new RegExp(`^(${[
  'browser', 'clients', 'cluster-(?!nginx)', 'compiler', 'conformance-.*properties', 'cost', 'fuzz',
  'hostile-(?!broken-frames)', 'proxies', 'rfc6455', 'type-tests'
].join('|')})`)

/** What tap covers while it runs `testFile`: everything, or nothing. */
export default function coverageMap (testFile: string): string[] | null {
  return withoutCoverage.test(basename(testFile)) ? null : []
}
