import { Type } from '@sinclair/typebox'
import { describe, expect, test } from 'tstyche'
import { defineChannel, defineConnection, type Channel } from '../../lib/contract/define-channel.ts'
import { chat } from '../support/types/chat/chat.contract.ts'

const none = { fromClient: {}, fromServer: {} } as const

describe('a contract', () => {
  test('keeps its pattern and its message types as literals', () => {
    expect(chat.pattern).type.toBe<'chat/:room'>()
    expect<keyof typeof chat.definition.fromClient>().type.toBe<'message.send' | 'typing'>()
    expect(chat).type.toBeAssignableTo<Channel<typeof chat.definition>>()
  })

  test('may leave out whatever is optional', () => {
    expect(defineChannel({ pattern: 'news', ...none }).pattern).type.toBe<'news'>()
    expect(defineConnection({ fromClient: {}, fromServer: { hello: {} } }).pattern).type.toBe<''>()
  })

  test('may name several segments', () => {
    const params = Type.Object({ org: Type.String(), doc: Type.Union([Type.Literal('a'), Type.Literal('b')]) })
    expect(defineChannel({ pattern: 'org/:org/doc/:doc', params, ...none }).pattern).type.toBe<'org/:org/doc/:doc'>()
  })
})

describe('a contract does not compile', () => {
  test('when a message of a connection is idempotent', () => {
    defineConnection({
      fromClient: {
        hello: {
          // @ts-expect-error there is no option 'idempotent'
          idempotent: true
        }
      },
      fromServer: {}
    })
  })

  test('when its presence has an option that does not exist', () => {
    defineChannel({
      pattern: 'news',
      ...none,
      // @ts-expect-error Refused<"there is no option 'size'">
      presence: { data: Type.Object({}), list: 'count', size: 1 }
    })
    defineChannel({
      pattern: 'news',
      ...none,
      // @ts-expect-error Type '"number"' is not assignable to type
      presence: { data: Type.Object({}), list: 'number' }
    })
  })

  test('when the schema lacks a name of the pattern', () => {
    defineChannel({
      pattern: 'org/:org/doc/:doc',
      // @ts-expect-error the schema lacks 'doc', which the pattern names
      params: Type.Object({ org: Type.String() }),
      ...none
    })
  })

  test('when there is no schema for the names of the pattern', () => {
    // @ts-expect-error Property 'params' is missing in type...the schema lacks 'room', which the pattern names
    defineChannel({ pattern: 'chat/:room', fromClient: {}, fromServer: {} })
  })

  test('when the schema has a name that the pattern lacks', () => {
    defineChannel({
      pattern: 'chat/:room',
      // @ts-expect-error 'topic' is not a name in the pattern
      params: Type.Object({ room: Type.String(), topic: Type.String() }),
      ...none
    })
  })

  test('when a param is not a string', () => {
    defineChannel({
      pattern: 'chat/:room',
      // @ts-expect-error every name of a pattern is a string
      params: Type.Object({ room: Type.Integer() }),
      ...none
    })
  })

  test('when it has an option that there is not', () => {
    defineChannel({
      pattern: 'news',
      // @ts-expect-error Refused<"there is no option 'persistent'">
      persistent: true,
      ...none
    })
    defineConnection({
      ...none,
      // @ts-expect-error Refused<"there is no option 'pattern'">
      pattern: 'news'
    })
  })

  test('when an option has a value that there is not', () => {
    defineChannel({
      pattern: 'news',
      fromClient: {},
      // @ts-expect-error Type '"wait"' is not assignable to type
      fromServer: { moved: { whenSlow: 'wait' } }
    })
    defineChannel({
      pattern: 'news',
      // @ts-expect-error Type 'string' is not assignable to type 'number'
      fromClient: { say: { rateLimit: { max: 'five', timeWindow: 1000 } } },
      fromServer: {}
    })
  })

  test('when a message has an option that there is not', () => {
    defineChannel({
      pattern: 'news',
      fromClient: {
        // @ts-expect-error 'paylod' does not exist in type 'FromClientDefinition
        vote: { paylod: Type.String() },
        typing: {}
      },
      fromServer: {
        // @ts-expect-error 'reply' does not exist in type 'FromServerDefinition
        item: { payload: Type.String(), reply: Type.String() }
      }
    })
  })

  test('when a client may send a control word', () => {
    defineChannel({
      pattern: 'news',
      fromClient: {
        // @ts-expect-error 'join' is a control word of the protocol
        join: {}
      },
      fromServer: {}
    })
  })

  test('when the server may send a control word', () => {
    defineChannel({
      pattern: 'news',
      fromClient: {},
      fromServer: {
        // @ts-expect-error 'presence' is a control word of the protocol
        presence: { payload: Type.String() }
      }
    })
    defineConnection({
      fromClient: {},
      fromServer: {
        // @ts-expect-error 'ack' is a control word of the protocol
        ack: {}
      }
    })
  })

  test('when a payload is no schema', () => {
    defineChannel({
      pattern: 'news',
      fromClient: {
        // @ts-expect-error Type 'string' is not assignable to type 'TypeBoxSchema'
        vote: { payload: 'text' }
      },
      fromServer: {}
    })
  })

  test('when a direction is missing', () => {
    // @ts-expect-error Property 'fromServer' is missing
    defineChannel({ pattern: 'news', fromClient: {} })
  })

  test("when a message declares an error by a code of the protocol's catalogue", () => {
    defineChannel({
      pattern: 'news',
      fromClient: {
        vote: {
          errors: {
            // @ts-expect-error 'timeout' is a code of the protocol's own catalogue
            timeout: Type.String(),
            full: Type.String()
          }
        },
        typing: {}
      },
      fromServer: {}
    })
  })
})
