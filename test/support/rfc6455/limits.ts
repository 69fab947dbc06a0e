import { envelope, sized, split, whole, type Row } from './rows.ts'

const KiB = 1_024
const MiB = KiB * KiB

/** Group 9, for a server with `maxPayload` of `size` bytes. A message may have 256 fragments. */
export function limitRows (size: number): Row[] {
  const sizes = [64 * KiB, 256 * KiB, MiB, 4 * MiB, 8 * MiB, 16 * MiB].filter((bytes) => bytes <= size)
  return [
    ...sizes.map((bytes, i): Row => {
      const { message, text } = sized(bytes)
      const sends = [whole(message)]
      return { id: `9.1.${i + 1}`, title: `a text of ${bytes} bytes`, sends, receives: [`echo ${text}`] }
    }),
    { id: '9.1.x', title: 'one byte more', sends: [whole(sized(size + 1).message)], receives: ['close 1009'] },
    ...[64, 256, KiB, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB, MiB].map((bytes, i): Row => {
      const { message, text } = sized(size)
      const isTooMany = message.length / bytes > 256
      return {
        id: `9.3.${i + 1}`,
        title: `a text of ${size} bytes in fragments of ${bytes} bytes`,
        sends: [split(message, bytes)],
        receives: isTooMany ? ['close 1008'] : [`echo ${text}`]
      }
    }),
    ...[64, 128, 256, 512, KiB, 2 * KiB].map((chop, i): Row => {
      const { message, text } = sized(size)
      return {
        id: `9.5.${i + 1}`,
        title: `a text of ${size} bytes in pieces of ${chop} bytes`,
        sends: [whole(message)],
        receives: [`echo ${text}`],
        // A mebibyte in pieces of 64 bytes is 16,384 pieces; more show nothing else.
        chop: Math.max(chop, Math.ceil(size / 16_384))
      }
    })
  ]
}

/** Messages one after the other, of each of these sizes. */
export function roundTripRows (count: number): Row[] {
  return [0, 16, 64, 256, KiB, 4 * KiB].map((size, i) => {
    const texts = Array.from({ length: count }, (_, j) => `${j}`.padEnd(size, '*'))
    return {
      id: `9.7.${i + 1}`,
      title: `${count} texts of ${size} characters`,
      sends: texts.map((text) => whole(envelope(text).toString().replace('"q"', `"q${text.slice(0, 8)}"`))),
      receives: texts.map((text) => `echo ${text}`)
    }
  })
}
