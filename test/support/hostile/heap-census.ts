import { queryObjects } from 'node:v8'

type Class = abstract new (...given: never[]) => object

/**
 * Counts the instances of classes that anything holds on to. A walk over the heap takes up to a second of CPU time, so
 * one walk counts all: the classes get a common prototype. It is made while there is no instance.
 */
export class HeapCensus {
  readonly #classes: Readonly<Record<string, Class>>
  readonly #common = class {}
  /** The prototypes of the classes are found too. */
  readonly #prototypes: number

  constructor (classes: Readonly<Record<string, Class>>) {
    this.#classes = classes
    for (const { prototype } of Object.values(classes)) this.#inherit(prototype)
    this.#prototypes = queryObjects(this.#common) as number
  }

  /** The instances of each class that has some: `{}` when all are collected. */
  alive (): Record<string, number> {
    if (queryObjects(this.#common) === this.#prototypes) return {}
    return Object.fromEntries(Object.entries(this.#classes).map(([name, one]) => [name, queryObjects(one) as number]))
  }

  #inherit (prototype: object): void {
    const parent = Object.getPrototypeOf(prototype) as object
    if (parent === Object.prototype) Object.setPrototypeOf(prototype, this.#common.prototype)
    else if (parent !== this.#common.prototype) this.#inherit(parent)
  }
}
