import type { TSchema } from '@sinclair/typebox'
import { contractsScript } from '../../../lib/api-page/contracts/contracts-script.ts'
import type { CheckedSchema, PageContracts } from '../../../lib/api-page/contracts/page-contracts.ts'
import type { DocumentedRoute } from '../../../lib/asyncapi/index.ts'
import { defineChannel } from '../../../lib/contract/define-channel.ts'

/** The contracts of routes as the page gets them: the script is run. */
export function pageContracts (routes: readonly DocumentedRoute[]): Promise<PageContracts> {
  const script = contractsScript(routes)
  return import(`data:text/javascript,${encodeURIComponent(script)}`) as Promise<PageContracts>
}

/** Schemas as the page gets them, by the same names. */
export async function pageSchemas (schemas: Readonly<Record<string, TSchema>>): Promise<Map<string, CheckedSchema>> {
  const contract = defineChannel({
    pattern: 'page',
    fromClient: Object.fromEntries(Object.entries(schemas).map(([name, payload]) => [name, { payload }])),
    fromServer: {}
  })
  const { routes, schemas: checked } = await pageContracts([{ url: '/ws', contracts: [contract] }])
  const { fromClient = {} } = routes[0]?.channels[1] ?? {}
  return new Map(Object.entries(fromClient).map(([name, { payload }]) =>
    [name, checked[payload as number] as CheckedSchema]))
}
