import { Type } from '@sinclair/typebox'
import { defineChannel, defineConnection } from '../../../lib/contract/define-channel.ts'
import type { DocumentedRoute } from '../../../lib/asyncapi/documented-route.ts'

/** A user, as several messages have it. */
export const User = Type.Object({ id: Type.String({ format: 'uuid' }), name: Type.String({ examples: ['Ann'] }) })

/** A post, which its replies refer to by its id. */
export const Post = Type.Object({
  author: User, text: Type.String({ maxLength: 280 }), at: Type.Optional(Type.Integer({ minimum: 0 }))
}, { $id: 'Post', description: 'what somebody wrote' })

const Comment = Type.Recursive((This) => Type.Object({
  text: Type.String({ minLength: 2, pattern: '^[a-z]+( [a-z]+)*$' }),
  answers: Type.Array(This),
  parent: Type.Optional(This)
}))

const Shapes = Type.Module({
  Shape: Type.Union([Type.Ref('Circle'), Type.Ref('Group')]),
  Circle: Type.Object({ kind: Type.Literal('circle'), radius: Type.Number({ exclusiveMinimum: 0, multipleOf: 0.5 }) }),
  Group: Type.Object({ kind: Type.Literal('group'), shapes: Type.Array(Type.Ref('Shape')) })
})

const ann = { id: '5f2c1a9e-6c1b-4d0e-9a53-2f7f0d1b8c44', name: 'Ann' }
const Topic = Type.Union([Type.Literal('news'), Type.Literal('help')], {
  default: 'help', description: 'what it is about'
})
const Named = Type.Object({ name: Type.String() })
const Circle = Type.Object({ radius: Type.Number({ maximum: -1 }) })
const Square = Type.Object({ side: Type.Number({ exclusiveMaximum: 4 }), name: Type.String({ minLength: 1 }) })

/** A contract that uses every option of a channel, and every kind of schema. */
export const full = defineChannel({
  pattern: 'forum/:topic/thread-1/:id',
  namespace: 'v2',
  shared: true,
  params: Type.Object({
    topic: Topic,
    id: Type.String({ pattern: '^[a-z0-9-]{1,40}$', examples: ['first-post'] })
  }),
  fromClient: {
    'post.add': {
      payload: Type.Object({ post: Post, tags: Type.Array(Type.String(), { minItems: 1, examples: [['a', 'b']] }) }, {
        examples: [{ post: { author: ann, text: 'hi' }, tags: ['x'] }]
      }),
      reply: Type.Object({ id: Type.Union([Type.String(), Type.Null()]) }),
      errors: {
        muted: Type.Object({ until: Type.Integer() }, { examples: [{ until: 1_700_000_000_000 }] }),
        'too long': Type.Null(),
        odd: Type.Any()
      },
      idempotent: true,
      rateLimit: { max: 5, timeWindow: 1_000 }
    },
    'comment.add': { payload: Comment, reply: Comment },
    draw: { payload: Shapes.Import('Shape') },
    describe: { payload: Type.Intersect([Named, Type.Union([Circle, Square])]) },
    measure: { payload: Type.Record(Type.String(), Type.Tuple([Type.Boolean(), Type.RegExp(/^a/), Type.RegExp(/b/i)])) },
    anything: { payload: Type.Any() },
    never: { payload: Type.Object({ not: Type.Not(Type.String()) }) },
    'ping.user': {}
  },
  fromServer: {
    posted: { payload: Post },
    'ping.user': { ephemeral: true, whenSlow: 'drop' },
    drawn: { payload: Type.Object({ by: User, shape: Shapes.Import('Shape') }), whenSlow: 'skip' },
    moved: { payload: Type.Object({ by: Type.Optional(User) }), ephemeral: true, whenSlow: { latest: '/by/id' } }
  },
  presence: { data: User, list: 'count' },
  history: {
    limit: 50, ttl: 60_000, initial: 10, durable: 'replica', snapshot: Type.Object({ posts: Type.Array(Post) })
  }
})

/** Messages of the connection itself. */
export const own = defineConnection({
  fromClient: { whoami: { reply: User, errors: { unknown_user: Type.Object({ since: Type.Integer() }) } }, noted: {} },
  fromServer: { noted: { payload: Type.Object({ text: Type.String({ format: 'date-time' }) }) } }
})

/** Channels without a name in the address, without presence that members see, and without a history. */
export const quiet = defineChannel({
  pattern: 'quiet', fromClient: {}, fromServer: { bell: {} }, presence: { data: User, list: 'none' }
})

const place = Type.Object({ topic: Topic, id: Type.String({ pattern: '^[ab]$' }) }, { $id: 'Place' })

/** Two kinds of channels with the same params. */
export const likes = (['likes/:topic/:id', 'views/:topic/:id'] as const).map((pattern) =>
  defineChannel({ pattern, params: place, fromClient: {}, fromServer: {} }))

const day = Type.Object({ day: Type.String({ format: 'date' }) })

/** An address that AsyncAPI cannot say. */
export const odd = defineChannel({
  pattern: 'odd/{brace}/:id',
  params: Type.Object({ id: Type.String({ pattern: '^(?=a).*$', examples: ['a/b'] }) }),
  fromClient: {},
  fromServer: { event: { payload: day } },
  presence: day,
  history: { limit: 1, ttl: 1 }
})

/** A route that uses everything that a document says of one. */
export const fullRoute: DocumentedRoute = {
  url: '/:tenant/ws/*',
  contracts: [full, own, quiet, odd, ...likes],
  carriers: ['header', 'subprotocol', 'query', { cookie: 'my token' }],
  securitySchemes: { session: { type: 'httpApiKey', in: 'cookie', name: 'sid' } },
  summary: 'The forum',
  description: 'All of the forum.',
  tags: ['forum', 'v2'],
  query: { type: 'object', required: ['device'], properties: { device: { type: 'string', enum: ['phone', 'desk'] } } },
  headers: { type: 'object', properties: { 'x-trace': { type: 'string' } } },
  params: { type: 'object', properties: { tenant: { type: 'string', enum: ['a', 'b'], description: 'whose forum' } } },
  limits: { messageBytes: 65_536, channels: 100 }
}
