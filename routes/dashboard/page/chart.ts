import Plot from 'uplot'
import { find, fromTemplate } from '../../page/dom.ts'
import { drawingText, type Drawing } from './readings.ts'

const height = 150
const colours = ['--accent', '--warn']
const dashes = [[], [5, 4]]

/** A chart of the last two minutes. It uses the page's colours, and dashes tell a second line apart as well. */
export class Chart {
  readonly element = fromTemplate('chart')
  readonly #canvas = find(this.element, '.plot', HTMLElement)
  readonly #plot: Plot
  readonly #resizes = new ResizeObserver(() => this.#fit())
  readonly #over = new AbortController()

  constructor (drawing: Drawing) {
    find(this.element, '.title', HTMLElement).textContent = `${drawing.title}, ${drawing.unit}`
    find(this.element, '.key', HTMLElement).append(...drawing.lines.map(({ label }, i) => keyOf(label, i)))
    this.#plot = new Plot(optionsOf(drawing), dataOf(drawing), this.#canvas)
    this.#resizes.observe(this.#canvas)
    matchMedia('(prefers-color-scheme: dark)').addEventListener(
      'change', () => this.#plot.redraw(), { signal: this.#over.signal }
    )
  }

  show (drawing: Drawing): void {
    this.#canvas.setAttribute('aria-label', drawingText(drawing))
    this.#plot.setData(dataOf(drawing))
  }

  /** Releases the canvas and the listeners. */
  end (): void {
    this.#resizes.disconnect()
    this.#over.abort()
    this.#plot.destroy()
  }

  #fit (): void {
    this.#plot.setSize({ width: this.#canvas.clientWidth, height })
  }
}

function keyOf (label: string, i: number): HTMLElement {
  const element = document.createElement('span')
  element.className = `line-${i}`
  element.textContent = label
  return element
}

function dataOf ({ at, lines }: Drawing): Plot.AlignedData {
  return [[...at], ...lines.map(({ points }) => [...points])]
}

function optionsOf ({ lines }: Drawing): Plot.Options {
  const axis: Plot.Axis = {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif'
  }
  return {
    width: 300,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [{ ...axis, space: 70, values: (_plot, seconds) => seconds.map(timeOf) }, { ...axis, size: 44, space: 30 }],
    series: [
      {},
      ...lines.map((_, i) => ({
        stroke: colour(colours[i] as string), width: 2, dash: dashes[i] as number[], points: { show: false }
      }))
    ]
  }
}

const timeOf = (seconds: number) => new Date(seconds * 1_000).toLocaleTimeString('en-GB')

/** Reads the colours for each drawing, because the page may switch to dark mode. */
const colour = (name: string) => () => getComputedStyle(document.documentElement).getPropertyValue(name)
