import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { defineChannel, defineConnection } from '../../lib/contract/define-channel.ts'
import { implement, type ImplementedChannel } from '../../lib/server/implement.ts'

/** A contract with a message for each thing that a handler can do. It tests the rules that the demo does not use. */
export const lab = defineChannel({
  pattern: 'lab/:id',
  params: Type.Object({ id: Type.String({ pattern: '^[a-z0-9]+$' }) }),
  fromClient: {
    echo: { payload: Type.Object({ value: Type.Integer() }), reply: Type.Object({ value: Type.Integer() }) },
    wait: { payload: Type.Object({ for: Type.String() }) },
    note: { payload: Type.Object({ text: Type.String() }) },
    nothing: {},
    fail: {},
    reject: {},
    leak: { reply: Type.Object({ id: Type.String() }) },
    lie: { reply: Type.Object({ id: Type.String() }) },
    refuse: { errors: { muted: Type.Object({ until: Type.Integer() }) } },
    whisper: { payload: Type.Object({ text: Type.String() }) }
  },
  fromServer: {
    noted: { payload: Type.Object({ text: Type.String(), messageId: Type.Optional(Type.String()) }) },
    whispered: { payload: Type.Object({ text: Type.String() }) },
    bell: {}
  },
  presence: Type.Object({ name: Type.String() })
})

/** A contract with persistent, ephemeral and idempotent messages, and snapshots. */
export const ledger = defineChannel({
  pattern: 'ledger/:id',
  params: Type.Object({ id: Type.String({ pattern: '^[a-z0-9]+$' }) }),
  fromClient: {
    write: {
      payload: Type.Object({ text: Type.String() }), reply: Type.Object({ run: Type.Integer() }), idempotent: true
    },
    scribble: { payload: Type.Object({ text: Type.String() }) },
    keep: { payload: Type.Object({ count: Type.Integer() }) },
    overlook: {},
    hint: {}
  },
  fromServer: {
    written: { payload: Type.Object({ text: Type.String() }) },
    hinted: { ephemeral: true }
  },
  history: { limit: 2_000, ttl: 60_000, initial: 3, snapshot: Type.Object({ count: Type.Integer() }) }
})

/** Contracts whose members learn only the number of users, and nothing. */
const data = Type.Object({ name: Type.String() })
export const crowd = defineChannel({
  pattern: 'crowd', fromClient: {}, fromServer: {}, presence: { data, list: 'count' }
})
export const cinema = defineChannel({
  pattern: 'cinema', fromClient: {}, fromServer: {}, presence: { data, list: 'none' }
})
const presence = (ctx: { readonly user: { readonly name: string } }) => ({ name: ctx.user.name })
export const implementCrowds = () => [implement(crowd, { presence, on: {} }), implement(cinema, { presence, on: {} })]

/** Messages of the connection itself. */
export const own = defineConnection({
  fromClient: {
    whoami: { reply: Type.Object({ user: Type.String() }) },
    shout: {}
  },
  fromServer: {
    greeting: { payload: Type.Object({ text: Type.String() }) },
    ticked: { whenSlow: 'drop' }
  }
})

/** Records the events of the lab's handlers, and holds the promises that they wait for. */
export class LabJournal {
  readonly events: string[] = []
  /** The application that serves the lab. Undefined until a test sets it. */
  app: FastifyInstance | undefined
  readonly signals: AbortSignal[] = []
  readonly #doors = new Map<string, PromiseWithResolvers<void>>()
  #watchers: Array<{ wants: string, resolve: () => void }> = []

  add (event: string): void {
    this.events.push(event)
    for (const { wants, resolve } of this.#watchers) if (wants === event) resolve()
    this.#watchers = this.#watchers.filter(({ wants }) => wants !== event)
  }

  /** Resolves once `event` has been added. */
  seen (event: string): Promise<void> {
    if (this.events.includes(event)) return Promise.resolve()
    return new Promise((resolve) => this.#watchers.push({ wants: event, resolve }))
  }

  /** The promise that the handler of `wait { for: name }` waits for. */
  door (name: string): PromiseWithResolvers<void> {
    const door = this.#doors.get(name) ?? withResolvers()
    this.#doors.set(name, door)
    return door
  }
}

interface PromiseWithResolvers<T> { promise: Promise<T>, resolve: (value: T) => void, reject: (error: unknown) => void }

function withResolvers (): PromiseWithResolvers<void> {
  let resolve = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((_resolve, _reject) => { resolve = _resolve; reject = _reject })
  return { promise, resolve, reject }
}

export function implementLab (journal = new LabJournal()): ImplementedChannel {
  return implement(lab, {
    authorize: async (ctx) => {
      if (ctx.params.id.startsWith('slow')) await journal.door(ctx.params.id).promise
      return !ctx.params.id.startsWith('secret')
    },
    presence: (ctx) => ({ name: ctx.user.name }),
    joined: (ctx) => {
      journal.add(`joined ${ctx.params.id}`)
      if (ctx.params.id === 'broken') throw new Error('joined() failed on purpose')
      if (ctx.params.id === 'invalid') ctx.broadcast('noted', { text: 1 } as never)
    },
    left: (ctx, reason) => {
      journal.add(`left ${ctx.params.id} ${reason}`)
      if (ctx.params.id === 'broken') throw new Error('left() failed on purpose')
    },
    on: {
      echo: (_ctx, { value }) => ({ value }),
      wait: async (ctx, payload) => {
        journal.signals.push(ctx.signal)
        journal.add(`waiting ${payload.for}`)
        await journal.door(payload.for).promise
        journal.add(`done ${payload.for}`)
      },
      note: async (ctx, { text }) => {
        ctx.state.notes = Number(ctx.state.notes ?? 0) + 1
        journal.add(`note ${text} ${String(ctx.state.notes)}`)
        await ctx.broadcast('noted', { text, messageId: ctx.messageId })
      },
      nothing: () => {},
      fail: () => { throw new Error('fail on purpose, secret=hunter2') },
      reject: async () => { throw new Error('reject on purpose') },
      leak: () => ({ id: '1', passwordHash: 'hunter2' }),
      lie: () => ({ id: 1 as unknown as string }),
      refuse: (ctx) => { throw ctx.error('muted', { until: 7 }) },
      whisper: (ctx, { text }) => {
        ctx.log.info({ id: ctx.params.id }, 'whispering')
        ctx.send('whispered', { text })
        ctx.send('bell')
      }
    }
  })
}

export function implementLedger (journal = new LabJournal()): ImplementedChannel {
  let runs = 0
  return implement(ledger, {
    authorize: (ctx) => !ctx.params.id.startsWith('secret'),
    on: {
      write: async (ctx, { text }) => {
        const run = ++runs
        journal.add(`writing ${text}`)
        if (text.startsWith('late')) await journal.door(text).promise
        await ctx.broadcast('written', { text })
        if (text.startsWith('fail') && run === 1) throw new Error('fail on purpose')
        return { run }
      },
      scribble: async (ctx, { text }) => { await ctx.broadcast('written', { text }) },
      keep: async (ctx, { count }) => {
        const { position } = await journal.app!.rooms.of(ledger, ctx.params).read()
        await ctx.append('written', { text: `kept ${count}` }, { after: position, snapshot: { count } })
      },
      // The ack waits for a broadcast even if the handler does not.
      overlook: (ctx) => { ctx.broadcast('written', { text: 'overlooked' }).catch(() => {}) },
      hint: (ctx) => ctx.broadcast('hinted', undefined)
    }
  })
}

export function implementOwn (): ImplementedChannel {
  return implement(own, {
    on: {
      whoami: (ctx) => ({ user: ctx.user.sub }),
      // @ts-expect-error: a connection has no room
      shout: (ctx) => ctx.broadcast('greeting', { text: 'hello?' })
    }
  })
}
