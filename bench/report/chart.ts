/**
 * A chart of horizontal bars as SVG: groups of bars, one bar for each series, the figure beside it. No script, no font of its own, no colour that two
 * people in a hundred could not tell apart; light and dark by the reader's wish. Pure.
 */
export interface Bar {
  readonly series: string
  readonly value: number
  /** As people read it. */
  readonly text: string
}

export interface Group {
  readonly name: string
  readonly bars: readonly Bar[]
}

export interface Chart {
  readonly title: string
  /** What is better, and what the unit is. */
  readonly subtitle: string
  readonly groups: readonly Group[]
}

const WIDTH = 860
const LEFT = 290
const RIGHT = 110
const BAR = 16
const GAP = 3
const GROUP_GAP = 14
const TOP = 64
/** A line of the legend, and what a letter takes in it, generously. */
const LEGEND = 22
const LETTER = 7.2
/** Okabe and Ito's, which stay apart for those who see colours differently. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#999999']

export function svgOf({ title, subtitle, groups }: Chart): string {
  const series = [...new Set(groups.flatMap(({ bars }) => bars.map(bar => bar.series)))]
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(bar => bar.value)), Number.MIN_VALUE)
  const heights = groups.map(({ bars }) => bars.length * (BAR + GAP) + GROUP_GAP)
  const places = placesOf(series)
  const first = TOP + LEGEND * (1 + Math.max(...places.map(place => place.line), 0))
  const tops = heights.map((_, at) => first + heights.slice(0, at).reduce((sum, one) => sum + one, 0))
  const height = first + heights.reduce((sum, one) => sum + one, 0)
  const colourOf = (name: string): string => COLOURS[series.indexOf(name) % COLOURS.length]!
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 12px system-ui, sans-serif; fill: #222 } .title { font-size: 16px; font-weight: 600 } .faint { fill: #666 } .ground { fill: #fff }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .faint { fill: #999 } .ground { fill: #16181c } }
</style>
<rect class="ground" width="${WIDTH}" height="${height}"/>
<text class="title" x="16" y="28">${escaped(title)}</text>
<text class="faint" x="16" y="48">${escaped(subtitle)}</text>
${series.map((name, at) => legend(name, places[at]!, colourOf(name))).join('\n')}
${groups.map((group, at) => drawn(group, tops[at]!, most, colourOf)).join('\n')}
</svg>
`
}

interface Place {
  readonly x: number
  readonly line: number
}

/** Names beside each other as far as there is room. */
function placesOf(series: readonly string[]): readonly Place[] {
  let [x, line] = [16, 0]
  return series.map(name => {
    const width = Math.round(name.length * LETTER) + 40
    if (x > 16 && x + width > WIDTH) [x, line] = [16, line + 1]
    const place = { x, line }
    x += width
    return place
  })
}

function legend(name: string, { x, line }: Place, colour: string): string {
  const y = TOP + line * LEGEND
  return `<rect x="${x}" y="${y - 6}" width="12" height="12" fill="${colour}"/><text x="${x + 18}" y="${y + 4}">${escaped(name)}</text>`
}

function drawn({ name, bars }: Group, top: number, most: number, colourOf: (series: string) => string): string {
  const middle = top + (bars.length * (BAR + GAP)) / 2 + 2
  const lines = bars.map(({ series, value, text }, at) => {
    const y = top + at * (BAR + GAP)
    const width = Math.max(1, Math.round(((WIDTH - LEFT - RIGHT) * Math.max(value, 0)) / most))
    return `<rect x="${LEFT}" y="${y}" width="${width}" height="${BAR}" fill="${colourOf(series)}"><title>${escaped(`${series}: ${text}`)}</title></rect><text x="${LEFT + width + 6}" y="${y + 12}">${escaped(text)}</text>`
  })
  return `<text x="${LEFT - 10}" y="${middle}" text-anchor="end">${escaped(name)}</text>\n${lines.join('\n')}`
}

/** Names come from files that anybody may have written. */
export function escaped(text: string): string {
  const known = new Map([
    ['&', '&amp;'],
    ['<', '&lt;'],
    ['>', '&gt;'],
    ['"', '&quot;'],
  ])
  return text.replace(/[&<>"]/g, found => known.get(found)!)
}
