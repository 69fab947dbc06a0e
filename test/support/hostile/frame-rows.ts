import { deflateRawSync } from 'node:zlib'
import { close, fragments, frame, opcodes, ping, question } from './frames.ts'

/** How the server takes frames: what it answers, and the code it closes with; without one it goes on. */
export interface Outcome {
  readonly acks?: string
  readonly pongs?: string
  readonly closes?: number
  readonly reason?: string
  readonly unanswered?: string
}

export type FrameRow = readonly [name: string, bytes: Buffer, outcome: Outcome]

const limit = 65_536
const bytes = (hex: string) => Buffer.from(hex, 'hex')
const broken = { closes: 1002 }
const notUtf8 = { closes: 1007 }
const tooBig = { closes: 1009 }
const fine = { acks: 'q' }
const sound = frame(question('q'))

function padded (size: number): string {
  const text = JSON.stringify({ type: 'ping', payload: '', correlationId: 'q' })
  return text.replace('""', JSON.stringify('x'.repeat(size - text.length)))
}

const halves = (text: string): [string, string] => [text.slice(0, 5), text.slice(5)]

export const frameRows: readonly FrameRow[] = [
  ['an unmasked text', frame(question('q'), { masked: false }), broken],
  ['an unmasked close', frame(Buffer.from([3, 232]), { opcode: opcodes.close, masked: false }), broken],
  ['RSV1', frame(question('q'), { rsv: 4 }), broken],
  ['RSV2', frame(question('q'), { rsv: 2 }), broken],
  ['RSV3', frame(question('q'), { rsv: 1 }), broken],
  ['RSV1 on a ping', frame('', { opcode: opcodes.ping, rsv: 4 }), broken],
  [
    'RSV1 on a continuation',
    Buffer.concat([frame('{', { fin: false }), frame('}', { opcode: opcodes.continuation, rsv: 4 })]),
    broken
  ],
  ['all bits set', Buffer.alloc(64, 0xff), broken],
  ['a deflate bomb, deflate off', frame(deflateRawSync(Buffer.alloc(64 * 1024 * 1024)), { rsv: 4 }), broken],
  ...[3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf].map((opcode): FrameRow => [
    `the reserved opcode ${opcode}`, frame('x', { opcode }), broken
  ]),
  ['a ping of 126 bytes', ping('x'.repeat(126)), broken],
  ['a pong of 126 bytes', frame('x'.repeat(126), { opcode: opcodes.pong }), broken],
  ['a close of 126 bytes', close(1000, 'x'.repeat(124)), broken],
  [
    'a ping of a few bytes that declares 64 bits of length',
    frame('hi', { opcode: opcodes.ping, lengthBytes: 8 }),
    broken
  ],
  ['a fragmented ping', frame('x', { opcode: opcodes.ping, fin: false }), broken],
  ['a fragmented close', frame(Buffer.from([3, 232]), { opcode: opcodes.close, fin: false }), broken],
  ['a continuation first', frame('x', { opcode: opcodes.continuation }), broken],
  [
    'a continuation after the end',
    Buffer.concat([fragments(...halves(question('a'))), frame('x', { opcode: opcodes.continuation })]),
    broken
  ],
  ['a text inside fragments', Buffer.concat([frame('{', { fin: false }), sound]), broken],
  [
    'a binary inside fragments',
    Buffer.concat([frame('{', { fin: false }), frame('x', { opcode: opcodes.binary })]),
    broken
  ],
  ['a second handshake', Buffer.from('GET /lab HTTP/1.1\r\nHost: a\r\n\r\n'), broken],
  ['a bad frame behind a sound one in one segment', Buffer.concat([sound, frame('x', { rsv: 4 })]), broken],
  [
    'a frame over the limit behind a sound one in one segment',
    Buffer.concat([sound, frame('', { declared: limit + 1 })]),
    tooBig
  ],
  ['bad UTF-8 behind a sound one in one segment', Buffer.concat([sound, frame(bytes('ff'))]), notUtf8],

  ['a byte that no UTF-8 has', frame(bytes('22ff22')), notUtf8],
  ['invalid UTF-8 over two fragments', fragments(bytes('22e2'), bytes('2822')), notUtf8],
  ['a surrogate in UTF-8', frame(bytes('22eda08022')), notUtf8],
  ['a truncated sequence at the end', frame(bytes('22e282')), notUtf8],
  ['an overlong slash', frame(bytes('22c0af22')), notUtf8],
  ['an overlong NUL', frame(bytes('22e0808022')), notUtf8],
  ['beyond U+10FFFF', frame(bytes('22f490808022')), notUtf8],
  ['a sound character split over two fragments', fragments(...splitCharacter()), fine],

  ['one byte over the limit', frame(padded(limit + 1)), tooBig],
  ['one byte over the limit, declared only', frame('', { declared: limit + 1 }), tooBig],
  ['2^53 - 1 declared', frame('', { declared: 2n ** 53n - 1n }), tooBig],
  ['2^53 declared', frame('', { declared: 2n ** 53n }), tooBig],
  ['2^64 - 1 declared', frame('', { declared: 2n ** 64n - 1n }), tooBig],
  ['fragments whose sum is over the limit', fragments('x'.repeat(limit - 1), 'x', 'x'), tooBig],
  ['a binary over the limit', frame(Buffer.alloc(limit + 1), { opcode: opcodes.binary }), tooBig],
  ['exactly the limit', frame(padded(limit)), fine],
  ['exactly the limit, in fragments', fragments(...halves(padded(limit))), fine],
  ['256 fragments', fragments(...Array.from({ length: 256 - 1 }, () => ' '), question('q')), fine],
  ['257 fragments', fragments(...Array.from({ length: 256 }, () => ' '), question('q')), { closes: 1008 }],
  [
    'endless empty fragments',
    Buffer.concat([
      frame('', { fin: false }),
      ...Array.from({ length: 20_000 }, () => frame('', { opcode: opcodes.continuation, fin: false }))
    ]),
    { closes: 1008 }
  ],
  ['an empty first fragment', fragments('', question('q'), ''), fine],
  ['a length written longer than it needs', frame(question('q'), { lengthBytes: 8 }), fine],

  ['a close with one byte', frame(Buffer.from([3]), { opcode: opcodes.close }), broken],
  ...[
    0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535
  ].map((code): FrameRow => [`close ${code}`, close(code), broken]),
  ...[1000, 1001, 1011, 3000, 4000, 4999].map((code): FrameRow => [
    `close ${code} is echoed`, close(code, 'done'), { closes: code }
  ]),
  ['close without a code is echoed', close(), { closes: 1005 }],
  ['a reason of 123 bytes', close(1000, 'x'.repeat(123)), { closes: 1000 }],
  ['a reason that is no UTF-8', close(1000, bytes('ff')), notUtf8],
  [
    'data after a close is ignored',
    Buffer.concat([close(1000), frame(question('late'))]),
    { closes: 1000, unanswered: 'late' }
  ],
  ['a bad frame after a close is ignored', Buffer.concat([close(1000), frame('x', { rsv: 4 })]), { closes: 1000 }],
  ['two closes', Buffer.concat([close(1000), close(4999)]), { closes: 1000 }],

  ['an unsolicited pong is ignored', Buffer.concat([frame('who asked?', { opcode: opcodes.pong }), sound]), fine],
  ['a ping is answered', ping('hello'), { pongs: 'hello' }],
  ['a ping of 125 bytes is answered', ping('x'.repeat(125)), { pongs: 'x'.repeat(125) }],
  [
    'a ping between fragments is answered',
    Buffer.concat([frame('', { fin: false }), ping('between'), frame(question('q'), { opcode: opcodes.continuation })]),
    { pongs: 'between' }
  ],
  [
    'a message around a ping arrives',
    Buffer.concat([frame('', { fin: false }), ping(), frame(question('q'), { opcode: opcodes.continuation })]),
    fine
  ],

  [
    'a binary on a JSON route',
    frame(question('q'), { opcode: opcodes.binary }),
    { closes: 1003, reason: 'binary frames are not accepted here', unanswered: 'q' }
  ],
  ['an empty binary', frame('', { opcode: opcodes.binary }), { closes: 1003 }],
  [
    'what follows a binary is not handled',
    Buffer.concat([frame('', { opcode: opcodes.binary }), sound]),
    { closes: 1003, unanswered: 'q' }
  ],
  [
    'what preceded a binary is answered first',
    Buffer.concat([sound, frame('', { opcode: opcodes.binary })]),
    { closes: 1003, acks: 'q' }
  ]
]

function splitCharacter (): [Buffer, Buffer] {
  const text = Buffer.from(JSON.stringify({ type: 'ping', correlationId: 'q', payload: '€' }))
  return [text.subarray(0, text.indexOf('€') + 1), text.subarray(text.indexOf('€') + 1)]
}
