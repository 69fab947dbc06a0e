import { arrange, find } from '../../page/dom.ts'
import type { Board } from '../board.ts'
import { NodeView } from './node-view.ts'
import { nodesOf } from './readings.ts'

/** A section for each node on the board. */
export class BoardView {
  readonly #nodes = find(document, '#nodes', HTMLElement)
  readonly #nothing = find(document, '#nothing', HTMLElement)
  #views = new Map<string, NodeView>()

  /** `keeper`: the node that appended the newest delta. */
  show (board: Board, keeper: string | undefined): void {
    const before = this.#views
    this.#views = new Map(nodesOf(board).map((node) => [node, this.#views.get(node) ?? new NodeView(node, board)]))
    for (const [node, view] of before) if (!this.#views.has(node)) view.end()
    arrange(this.#nodes, [...this.#views.values()].map(({ element }) => element))
    for (const [node, view] of this.#views) view.show(board, node === keeper)
    this.#nothing.hidden = this.#views.size > 0
  }
}
