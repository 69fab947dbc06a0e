import type { Channel, ChannelDefinition, FromClientDefinition } from '../contract/define-channel.ts'
import type { ClientMessageType } from '../contract/message-types.ts'
import { accessRules, refuseWithoutJoin } from './contract-rules/access-rules.ts'
import { effectRules } from './contract-rules/effect-rules.ts'
import { payloadRules } from './contract-rules/payload-rules.ts'
import type { Rule } from './contract-rules/rule.ts'
import { Subject, type ContractTestOptions, type ForbiddenJoin } from './contract-rules/subject.ts'
import { BrokenContract } from './contract-rules/broken-contract.ts'
import type { Injectable } from './injected-connection.ts'

export { BrokenContract, type ContractTestOptions, type ForbiddenJoin }

/** One test, for any runner: `it(test.name, test.run)`. */
export interface ContractTest {
  readonly name: string
  /** Rejects with a `BrokenContract` when the server breaks its contract. */
  readonly run: () => Promise<void>
}

/**
 * Tests a server against one of its contracts: payloads, replies, messages, errors, joins, rates and idempotent
 * messages. `app` is the application, which need not listen, or the URL of a server, such as `ws://127.0.0.1:3000`.
 * Needs the package `fast-check`.
 *
 * @example
 * for (const { name, run } of contractTests(app, chat, { path: '/ws/chat', token: () => newToken() })) it(name, run)
 */
export function contractTests<D extends ChannelDefinition> (
  app: Injectable | string, contract: Channel<D>, options: ContractTestOptions<ClientMessageType<D>>
): ContractTest[] {
  const subject = new Subject(app, contract, options)
  const { pattern, definition } = contract
  const where = pattern === '' ? 'connection' : pattern
  return [
    ...accessRules(subject).map((rule) => testOf(where, rule, subject)),
    ...subject.types.flatMap((type) =>
      messageRules(type, definition.fromClient[type] as FromClientDefinition, subject)
        .map((rule) => testOf(`${where} '${type}'`, rule, subject)))
  ]
}

function messageRules (type: string, definition: FromClientDefinition, { channel }: Subject): Rule[] {
  const beforeJoin: Rule = { title: 'a message before the join is refused', run: (s) => refuseWithoutJoin(s, type) }
  return [...(channel === undefined ? [] : [beforeJoin]), ...payloadRules(type), ...effectRules(type, definition)]
}

function testOf (where: string, { title, run }: Rule, subject: Subject): ContractTest {
  return { name: `${where}: ${title}`, run: () => run(subject).catch((error: unknown) => repeatable(error, subject)) }
}

/** Says how the same payloads are made again. */
function repeatable (error: unknown, { seed }: Subject): never {
  if (error instanceof BrokenContract) error.message += `\n  repeat with: { seed: ${seed} }`
  throw error
}
