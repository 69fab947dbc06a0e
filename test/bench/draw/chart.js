const width = 760
const nameWidth = 250
const valueWidth = 90
const rowHeight = 24
const top = 34

/** Colours that can be read on a light and on a dark page. */
const style = [
  'text{font:13px system-ui,sans-serif;fill:#24292f}',
  '.title{font-weight:600}',
  '.bar{fill:#8c959f}',
  '.ours{fill:#1f6feb}',
  '.range{stroke:#57606a}',
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#6e7681}.ours{fill:#4493f8}.range{stroke:#b1bac4}}'
].join('')

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/**
 * Horizontal bars. `bars`: `{ name, value, min, max, isOurs }`, of which `min` and `max` are the ends of a line.
 *
 * @returns an SVG image
 */
export function chart (title, bars) {
  const height = top + bars.length * rowHeight + 8
  const room = width - nameWidth - valueWidth
  const scale = room / Math.max(...bars.map(({ value, max = value }) => Math.max(value, max)))
  const lines = bars.map(({ name, value, min = value, max = value, isOurs }, i) => {
    const y = top + i * rowHeight
    const [from, to] = [min, max].map((end) => (nameWidth + end * scale).toFixed(1))
    return [
      `<text x="${nameWidth - 8}" y="${y + 15}" text-anchor="end">${escaped(name)}</text>`,
      `<rect class="${isOurs ? 'ours' : 'bar'}" x="${nameWidth}" y="${y + 3}" ` +
        `width="${(value * scale).toFixed(1)}" height="${rowHeight - 8}"/>`,
      `<path class="range" d="M${from} ${y + 11}H${to}"/>`,
      `<text x="${width - 4}" y="${y + 15}" text-anchor="end">${value.toLocaleString('en')}</text>`
    ].join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title><style>${style}</style>`,
    `<text class="title" x="4" y="20">${escaped(title)}</text>`,
    ...lines,
    '</svg>',
    ''
  ].join('\n')
}
