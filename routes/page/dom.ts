/** The one element that matches. The page's HTML and its code belong together, so a missing element is a defect. */
export function find<T extends Element> (root: ParentNode, selector: string, kind: new () => T): T {
  const element = root.querySelector(selector)
  if (element instanceof kind) return element
  throw new Error(`there is no '${selector}' of that kind`)
}

/** A fresh copy of the one element inside `<template id="…">`. */
export function fromTemplate (id: string): HTMLElement {
  const { content } = find(document, `template#${id}`, HTMLTemplateElement)
  return find(content.cloneNode(true) as DocumentFragment, '*', HTMLElement)
}

/** Makes `elements` the children of `parent`, moving only those that are not yet in their place. */
export function arrange (parent: Element, elements: readonly Element[]): void {
  const kept = new Set(elements)
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove()
  elements.forEach((element, i) => {
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null)
  })
}
