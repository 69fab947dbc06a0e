import { close, frame, opcodes, ping } from '../hostile/frames.ts'
import type { Sent, TextMessage } from './peer.ts'

/**
 * One case: what the client sends, and what the server sends until the end. After the last message the client closes
 * with 1000, unless the case has a close of its own. `?` marks an echo that may be missing, because the server closes.
 */
export interface Row {
  /** The number of the like case in the Autobahn test suite. */
  readonly id: string
  readonly title: string
  readonly sends: readonly Sent[]
  readonly receives: readonly string[]
  /** What the server sends where compression was negotiated, if that differs. */
  readonly receivesDeflated?: readonly string[]
  /** The size of the pieces in which the bytes are written. */
  readonly chop?: number
}

const hex = (bytes: string) => Buffer.from(bytes.replaceAll(' ', ''), 'hex')

const head = '{"type":"echo","payload":{"text":"'
const tail = '"},"correlationId":"q"}'

/** A message whose text has these bytes. */
export function envelope (text: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(head), Buffer.from(text), Buffer.from(tail)])
}

/** A message of exactly so many bytes, and its text. */
export function sized (size: number): { message: Buffer, text: string } {
  const text = '*'.repeat(size - head.length - tail.length)
  return { message: envelope(text), text }
}

export const whole = (message: string | Buffer): TextMessage => ({ fragments: [Buffer.from(message)] })
const say = (text: string | Buffer) => whole(envelope(text))

/** A message in fragments of so many bytes. */
export function split (message: Buffer, size: number, between?: Buffer): TextMessage {
  const count = Math.ceil(message.length / size)
  const fragments = Array.from({ length: count }, (_, i) => message.subarray(i * size, (i + 1) * size))
  return between ? { fragments, between } : { fragments }
}

const broken = ['close 1002']
const notUtf8 = ['close 1007']
const binary = (size: number) => frame(Buffer.alloc(size, 0xfe), { opcode: opcodes.binary })
const pong = (payload = '') => frame(payload, { opcode: opcodes.pong })
const ten = Array.from({ length: 10 }, (_, i) => `payload-${i}`)
const chops: ReadonlyArray<readonly [suffix: string, chop?: number]> = [[''], [', byte by byte', 1]]

/** The row as it is, and with its bytes written one by one. */
function alsoChopped (row: Row): Row[] {
  return chops.map(([suffix, chop]) => ({
    ...row, id: `${row.id}${chop ? 'c' : ''}`, title: row.title + suffix, ...chop && { chop }
  }))
}

const framing: readonly Row[] = [
  { id: '1.1.1', title: 'an empty text is no envelope', sends: [whole('')], receives: ['close 1008'] },
  ...[125, 126, 127, 128, 65_535, 65_536].map((size, i): Row => {
    const { message, text } = sized(size)
    return { id: `1.1.${i + 2}`, title: `a text of ${size} bytes`, sends: [whole(message)], receives: [`echo ${text}`] }
  }),
  {
    id: '1.1.8',
    title: 'a text of 65,536 bytes in pieces of 997 bytes',
    sends: [whole(sized(65_536).message)],
    receives: [`echo ${sized(65_536).text}`],
    chop: 997
  },
  ...[0, 125, 126, 127, 128, 65_535, 65_536].map((size, i): Row => ({
    id: `1.2.${i + 1}`, title: `a binary of ${size} bytes`, sends: [binary(size)], receives: ['close 1003']
  }))
]

const pings: readonly Row[] = [
  { id: '2.1', title: 'an empty ping', sends: [ping()], receives: ['pong '] },
  { id: '2.2', title: 'a ping with a text', sends: [ping('Hello')], receives: ['pong Hello'] },
  { id: '2.3', title: 'a ping with binary', sends: [ping(hex('00fffefdfcfb00ff'))], receives: ['pong \0ÿþýüû\0ÿ'] },
  ...alsoChopped({
    id: '2.4', title: 'a ping of 125 bytes', sends: [ping('x'.repeat(125))], receives: [`pong ${'x'.repeat(125)}`]
  }),
  { id: '2.5', title: 'a ping of 126 bytes', sends: [ping('x'.repeat(126))], receives: broken },
  { id: '2.7', title: 'a pong that nobody asked for, empty', sends: [pong()], receives: [] },
  { id: '2.8', title: 'a pong that nobody asked for', sends: [pong('Hello')], receives: [] },
  { id: '2.9', title: 'a pong, then a ping', sends: [pong('Hello'), ping('again')], receives: ['pong again'] },
  ...alsoChopped({
    id: '2.10', title: 'ten pings', sends: ten.map((text) => ping(text)), receives: ten.map((text) => `pong ${text}`)
  })
]

const reserved: readonly Row[] = [
  {
    id: '3.1',
    title: 'RSV1 on a text that is not compressed',
    sends: [frame(envelope('a'), { rsv: 4 })],
    receives: broken,
    receivesDeflated: notUtf8
  },
  ...[2, 3, 5, 6, 7].map((rsv): Row => ({
    id: `3.${rsv}`,
    title: `reserved bits ${rsv} on a text behind a sound one`,
    sends: [say('a'), frame(envelope('b'), { rsv }), ping('late')],
    receives: ['?echo a', ...broken]
  })),
  ...[1, 2, 4, 7].flatMap((rsv) => alsoChopped({
    id: `3.6.${rsv}`,
    title: `reserved bits ${rsv} on a ping`,
    sends: [frame('x', { rsv, opcode: opcodes.ping })],
    receives: broken
  })),
  { id: '3.7', title: 'reserved bits on a close', sends: [frame('', { rsv: 7, opcode: 8 })], receives: broken }
]

const unknownOpcodes: readonly Row[] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode): Row[] => [
  { id: `4.${opcode}.1`, title: `opcode ${opcode}`, sends: [frame('', { opcode })], receives: broken },
  { id: `4.${opcode}.2`, title: `opcode ${opcode} with bytes`, sends: [frame('x', { opcode })], receives: broken },
  ...alsoChopped({
    id: `4.${opcode}.3`,
    title: `opcode ${opcode} behind a text`,
    sends: [say('a'), frame('x', { opcode }), ping('late')],
    receives: ['?echo a', ...broken]
  })
])

const hello = envelope('fragment1fragment2')
const continuation = (fin: boolean) => frame('x', { fin, opcode: opcodes.continuation })

const fragmentation: readonly Row[] = [
  { id: '5.1', title: 'a ping in fragments', sends: [frame('x', { fin: false, opcode: 9 })], receives: broken },
  { id: '5.2', title: 'a pong in fragments', sends: [frame('x', { fin: false, opcode: 10 })], receives: broken },
  ...alsoChopped({
    id: '5.3', title: 'a text in two fragments', sends: [split(hello, 50)], receives: ['echo fragment1fragment2']
  }),
  ...alsoChopped({
    id: '5.6',
    title: 'a ping between two fragments',
    sends: [split(hello, 50, ping('between'))],
    receives: ['pong between', 'echo fragment1fragment2']
  }),
  ...[true, false].flatMap((fin, i) => alsoChopped({
    id: `5.${9 + 3 * i}`,
    title: `a continuation without a start, FIN ${fin}`,
    sends: [continuation(fin), say('a')],
    receives: broken
  })),
  {
    id: '5.15',
    title: 'a continuation behind a whole message in fragments',
    sends: [split(hello, 50), continuation(false), say('a')],
    receives: ['?echo fragment1fragment2', ...broken]
  },
  {
    id: '5.18',
    title: 'a second fragment with the opcode of a text',
    sends: [frame('{', { fin: false }), frame('}')],
    receives: broken
  },
  ...alsoChopped({
    id: '5.19',
    title: 'five fragments with pings between them',
    sends: [split(hello, Math.ceil(hello.length / 5), ping('p'))],
    receives: ['pong p', 'pong p', 'pong p', 'pong p', 'echo fragment1fragment2']
  })
]

/** Sequences of bytes that are UTF-8: the ends of each length, what surrounds the surrogates, and noncharacters. */
const validUtf8 = [
  'ce ba e1 bd b9 cf 83 ce bc ce b5', '7f', 'c2 80', 'df bf', 'e0 a0 80', 'ef bf bf', 'f0 90 80 80', 'f4 8f bf bf',
  'ed 9f bf', 'ee 80 80', 'ef bf bd', 'ef bf be', 'f0 9f bf be', 'f0 9f bf bf', 'f1 8f bf bf', 'f3 bf bf bf',
  'ef b7 90', 'ef b7 af', 'e2 80 a8', 'ef bb bf'
]

/** Sequences that are not: beyond the end, too long, lone and missing continuations, impossible bytes, surrogates. */
const invalidUtf8 = [
  'f4 90 80 80', 'f7 bf bf bf', 'f8 88 80 80 80', 'fb bf bf bf bf', 'fc 84 80 80 80 80', 'fd bf bf bf bf bf',
  '80', 'bf', '80 bf', '80 bf 80', 'c0 20', 'c2 20', 'e0 20', 'e1 80', 'f0 20', 'f0 90 80', 'c2', 'e0 a0', 'ef bf',
  'f0 90 bf', 'fe', 'ff', 'fe fe ff ff', 'c0 af', 'e0 80 af', 'f0 80 80 af', 'f8 80 80 80 af', 'c1 bf', 'e0 9f bf',
  'f0 8f bf bf', 'c0 80', 'e0 80 80', 'f0 80 80 80', 'ed a0 80', 'ed ad bf', 'ed ae 80', 'ed af bf', 'ed b0 80',
  'ed be 80', 'ed bf bf', 'ed a0 80 ed b0 80', 'ed af bf ed bf bf', 'ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80'
]

const utf8: readonly Row[] = [
  {
    id: '6.1',
    title: 'empty fragments around a text',
    sends: [{ fragments: [Buffer.alloc(0), envelope('a'), Buffer.alloc(0)] }],
    receives: ['echo a']
  },
  ...validUtf8.flatMap((bytes, i): Row[] => {
    const message = envelope(hex(bytes))
    const receives = [`echo ${hex(bytes)}`]
    return [
      { id: `6.5.${i}`, title: `${bytes} is UTF-8`, sends: [whole(message)], receives },
      { id: `6.2.${i}`, title: `${bytes} in fragments of one byte`, sends: [split(message, 1)], receives }
    ]
  }),
  ...invalidUtf8.flatMap((bytes, i): Row[] => {
    const message = envelope(hex(bytes))
    return [
      { id: `6.6.${i}`, title: `${bytes} is not UTF-8`, sends: [whole(message)], receives: notUtf8 },
      { id: `6.3.${i}`, title: `${bytes} in fragments`, sends: [split(message, head.length + 1)], receives: notUtf8 },
      {
        id: `6.4.${i}`,
        title: `${bytes} in pieces of 7 bytes`,
        sends: [whole(message)],
        receives: notUtf8,
        chop: 7
      }
    ]
  })
]

const sound = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
const unsound = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]
const done = ['close 1000']

const closing: readonly Row[] = [
  { id: '7.1.1', title: 'a text, then a close', sends: [say('a')], receives: ['echo a'] },
  { id: '7.1.2', title: 'two closes', sends: [close(1000), close(1000)], receives: done },
  { id: '7.1.3', title: 'a ping behind a close', sends: [close(1000), ping('late')], receives: done },
  { id: '7.1.4', title: 'a text behind a close', sends: [close(1000), say('late')], receives: done },
  {
    id: '7.1.5',
    title: 'a close between two fragments',
    sends: [split(hello, 50, close(1000))],
    receives: done
  },
  { id: '7.3.1', title: 'a close without a code', sends: [close()], receives: ['close empty'] },
  { id: '7.3.2', title: 'a close of one byte', sends: [frame('x', { opcode: opcodes.close })], receives: broken },
  { id: '7.3.4', title: 'a close with a reason', sends: [close(1000, 'Hello')], receives: done },
  { id: '7.3.5', title: 'a reason of 123 bytes', sends: [close(1000, '*'.repeat(123))], receives: done },
  { id: '7.3.6', title: 'a reason of 124 bytes', sends: [close(1000, '*'.repeat(124))], receives: broken },
  {
    id: '7.5.1',
    title: 'a reason that is not UTF-8',
    sends: [close(1000, hex('ce ba e1 bd b9 ed a0 80 65'))],
    receives: notUtf8
  },
  ...sound.map((code): Row => ({
    id: `7.7.${code}`, title: `close ${code}`, sends: [close(code)], receives: [`close ${code}`]
  })),
  ...unsound.flatMap((code): Row[] => [
    { id: `7.9.${code}`, title: `close ${code}`, sends: [close(code)], receives: broken },
    { id: `7.9.${code}r`, title: `close ${code} with a reason`, sends: [close(code, 'reason')], receives: broken }
  ])
]

const inFragments: readonly Row[] = [
  {
    id: '10.1.1',
    title: 'a text of 65,536 bytes in fragments of 1,300 bytes',
    sends: [split(sized(65_536).message, 1_300)],
    receives: [`echo ${sized(65_536).text}`]
  }
]

/** The groups of the Autobahn test suite for servers with messages up to 64 KiB; limits.ts has group 9. */
export const groups: ReadonlyArray<readonly [name: string, rows: readonly Row[]]> = [
  ['1 framing', framing],
  ['2 pings and pongs', pings],
  ['3 reserved bits', reserved],
  ['4 opcodes', unknownOpcodes],
  ['5 fragmentation', fragmentation],
  ['6 UTF-8', utf8],
  ['7 closing', closing],
  ['10 automatic fragmentation', inFragments]
]
