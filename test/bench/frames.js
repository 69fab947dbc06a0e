/** Any key will do: the server unmasks all the same. */
const key = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

/** A masked text frame, as a client sends it. */
export function masked (text) {
  const payload = Buffer.from(text)
  const header = payload.length < 126
    ? Buffer.from([0x81, 0x80 | payload.length])
    : Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff])
  return Buffer.concat([header, key, payload.map((byte, i) => byte ^ key[i & 3])])
}

/**
 * Counts the frames of a server's byte stream by their headers alone: a generator that decoded them would be the
 * bottleneck.
 */
export class FrameCounter {
  #header = []
  #skip = 0
  #mask

  /** @param mask 4 for what a client sends, whose frames carry a key of that length */
  constructor (mask = 0) {
    this.#mask = mask
  }

  /** How many frames end in this chunk. */
  count (chunk) {
    let ended = 0
    let at = 0
    while (at < chunk.length) {
      if (this.#skip === 0) at = this.#readHeader(chunk, at)
      if (this.#skip === 0) continue
      const skipped = Math.min(this.#skip, chunk.length - at)
      at += skipped
      this.#skip -= skipped
      if (this.#skip === 0) ended++
    }
    return ended
  }

  #readHeader (chunk, start) {
    let at = start
    const header = this.#header
    while (at < chunk.length) {
      header.push(chunk[at++])
      if (header.length === 2 && (header[1] & 0x7f) < 126) return this.#begin(header[1] & 0x7f, at)
      if (header.length === 4 && (header[1] & 0x7f) === 126) return this.#begin(header[2] << 8 | header[3], at)
    }
    return at
  }

  #begin (length, at) {
    this.#header = []
    this.#skip = length + this.#mask
    return at
  }
}
