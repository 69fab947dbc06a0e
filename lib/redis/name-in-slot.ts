/// <reference path="./cluster-key-slot.d.ts" />
import slotOf from 'cluster-key-slot'

/** More than the 14 of a slot, because the changes of some bits equal those of others. */
const textBits = 20

/** A text, and the slot of its name. Of a change: the bits that it flips in both. */
interface Placed { readonly slot: number, readonly text: number }

/**
 * The name that a text of five letters puts into this slot. A slot is a CRC, so each bit of the text flips the same
 * bits of the slot whatever the others are, and the text can be computed. A search takes 16,384 attempts for a master
 * with one slot, and stops the event loop for up to 97 ms.
 */
export function nameInSlot (nameOf: (text: string) => string, slot: number): string {
  const first = slotOf(nameOf(lettersOf(0)))
  const changes: Placed[] = []
  for (let bit = 0; bit < textBits; bit++) {
    const text = 1 << bit
    const change = reduce({ slot: slotOf(nameOf(lettersOf(text))) ^ first, text }, changes)
    if (change.slot !== 0) changes.push(change)
  }
  return nameOf(lettersOf(reduce({ slot: slot ^ first, text: 0 }, changes).text))
}

/** Applies each change that makes the slot smaller, which is 0 in the end if the changes can do it. */
function reduce (placed: Placed, changes: readonly Placed[]): Placed {
  return changes.reduce((left, change) => {
    const slot = left.slot ^ change.slot
    return slot < left.slot ? { slot, text: left.text ^ change.text } : left
  }, placed)
}

/** Four bits in each letter from '@' to 'O'. */
function lettersOf (text: number): string {
  return String.fromCharCode(...[16, 12, 8, 4, 0].map((shift) => 0x40 | (text >> shift & 0xf)))
}
