import { Type } from '@sinclair/typebox'
import { defineChannel } from '../../../lib/contract/define-channel.ts'
import { implement, type ImplementedChannel } from '../../../lib/server/implement.ts'

/** A channel with everything that the model knows: presence, history, idempotent messages and failing handlers. */
export const fuzzed = defineChannel({
  pattern: 'fuzz/:tenant/:room',
  params: Type.Object({ tenant: Type.String(), room: Type.String() }),
  fromClient: {
    say: { payload: Type.Object({ n: Type.Integer() }) },
    write: {
      payload: Type.Object({ n: Type.Integer() }), reply: Type.Object({ run: Type.Integer() }), idempotent: true
    },
    fail: {},
    point: { payload: Type.Object({ at: Type.Integer() }) }
  },
  fromServer: {
    said: { payload: Type.Object({ n: Type.Integer(), tenant: Type.String() }), ephemeral: true },
    written: { payload: Type.Object({ n: Type.Integer(), tenant: Type.String() }) },
    pointed: {
      payload: Type.Object({ user: Type.String(), at: Type.Integer(), tenant: Type.String() }),
      ephemeral: true,
      whenSlow: { latest: '/user' }
    }
  },
  presence: Type.Object({ tenant: Type.String() }),
  history: { limit: 1_000, ttl: 600_000, initial: 3 }
})

/** Who may join what. It is one object for all nodes, as a database would be. */
export class Rights {
  readonly #denied = new Set<string>()

  /** Turns the right of a user to a channel on or off. */
  toggle (user: string, channel: string): void {
    const key = JSON.stringify([user, channel])
    if (!this.#denied.delete(key)) this.#denied.add(key)
  }

  allows (user: string, channel: string): boolean {
    return !this.#denied.has(JSON.stringify([user, channel]))
  }
}

export function implementFuzzed (rights: Rights): ImplementedChannel {
  let runs = 0
  return implement(fuzzed, {
    authorize: async ({ params, user }) => {
      // The answer takes a while, as that of a database does, so it may be out of date when it arrives.
      const isAllowed = rights.allows(user.sub, `fuzz/${params.tenant}/${params.room}`)
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
      return isAllowed
    },
    presence: ({ params }) => ({ tenant: params.tenant }),
    on: {
      say: (ctx, { n }) => ctx.broadcast('said', { n, tenant: ctx.params.tenant }),
      write: async (ctx, { n }) => {
        const run = ++runs
        await ctx.broadcast('written', { n, tenant: ctx.params.tenant })
        return { run }
      },
      fail: () => { throw new Error('fail on purpose') },
      point: (ctx, { at }) => ctx.broadcast('pointed', { user: ctx.user.sub, at, tenant: ctx.params.tenant })
    }
  })
}
