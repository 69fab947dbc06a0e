import { find, fromTemplate } from '../../page/dom.ts'
import type { Board } from '../board.ts'
import { Chart } from './chart.ts'
import { drawingsOf, rowsOf, type Row } from './readings.ts'

/** One node: its metrics as charts and as a table. */
export class NodeView {
  readonly element = fromTemplate('node')
  readonly #node: string
  readonly #charts: readonly Chart[]

  constructor (node: string, board: Board) {
    this.#node = node
    this.element.setAttribute('aria-labelledby', this.#part('h2').id = `node-${node}`)
    this.#part('.id').textContent = node.slice(0, 8)
    this.#part('caption').textContent = `Node ${node}`
    this.#charts = drawingsOf(board, node).map((drawing) => new Chart(drawing))
    this.#part('.charts').append(...this.#charts.map(({ element }) => element))
  }

  show (board: Board, isKeeper: boolean): void {
    this.#part('.keeper').hidden = !isKeeper
    drawingsOf(board, this.#node).forEach((drawing, i) => this.#charts[i]?.show(drawing))
    this.#part('tbody').replaceChildren(...rowsOf(board, this.#node).map(rowElement))
  }

  end (): void {
    for (const chart of this.#charts) chart.end()
  }

  #part (selector: string): HTMLElement {
    return find(this.element, selector, HTMLElement)
  }
}

function rowElement ({ label, value }: Row): HTMLElement {
  const element = fromTemplate('row')
  find(element, 'th', HTMLElement).textContent = label
  find(element, 'td', HTMLElement).textContent = value
  return element
}
