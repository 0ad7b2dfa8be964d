/** Which charts a run is drawn as: for each scenario its rate, its CPU, its latencies and its memory, with a bar for each server. Pure. */
import type { Figures } from '../lib/figures.js'
import { type Point, pointsOf, type Results } from '../lib/results.js'
import { figure, rate } from '../lib/table.js'
import type { Bar, Chart, Group } from './chart.js'

/** A file of figures, under the name it has in the charts when there are several. */
export interface Named {
  readonly name: string
  readonly results: Results
}

interface Kind {
  readonly name: string
  readonly title: string
  readonly subtitle: string
  readonly value: (figures: Figures) => number | undefined
  readonly text: (value: number) => string
}

const MB = 1024 ** 2

const KINDS: readonly Kind[] = [
  {
    name: 'rate',
    title: 'how many a second',
    subtitle: 'messages (or what the scenario counts) a second; longer is better',
    value: ({ messagesPerSecond, errors }) => (errors.length > 0 ? undefined : messagesPerSecond),
    text: value => `${rate(value)}/s`,
  },
  {
    name: 'cpu',
    title: 'processor time',
    subtitle: 'milliseconds of CPU for each, all processes of the server; shorter is better',
    value: ({ cpuMsPerMessage }) => cpuMsPerMessage,
    text: value => `${figure(value)} ms`,
  },
  {
    name: 'p50',
    title: 'latency, half of them',
    subtitle: 'milliseconds, p50; shorter is better',
    value: ({ latencyMs }) => latencyMs?.p50,
    text: value => `${figure(value)} ms`,
  },
  {
    name: 'p99',
    title: 'latency, all but one in a hundred',
    subtitle: 'milliseconds, p99; shorter is better',
    value: ({ latencyMs }) => latencyMs?.p99,
    text: value => `${figure(value)} ms`,
  },
  {
    name: 'memory',
    title: 'memory at its highest',
    subtitle: 'MB resident, all processes, mapped pages of the store included; shorter is better',
    value: ({ peakBytes }) => (peakBytes === undefined ? undefined : peakBytes / MB),
    text: value => `${value.toFixed(0)} MB`,
  },
]

/** File name (without `.svg`) and chart. */
export function chartsOf(files: readonly Named[]): ReadonlyMap<string, Chart> {
  const several = files.length > 1
  const points = files.flatMap(({ name, results }) =>
    pointsOf(results).map(point => ({ ...point, server: several ? `${name} ${point.server}` : point.server })),
  )
  const charts = new Map<string, Chart>()
  for (const scenario of new Set(points.map(point => point.scenario)))
    for (const kind of KINDS) {
      const groups = groupsOf(
        points.filter(point => point.scenario === scenario),
        scenario,
        kind,
      )
      if (groups.length === 0) continue
      charts.set(`${fileName(scenario)}-${kind.name}`, {
        title: `${scenario}: ${kind.title}`,
        subtitle: kind.subtitle,
        groups,
      })
    }
  return charts
}

function groupsOf(points: readonly Point[], scenario: string, { value, text }: Kind): readonly Group[] {
  return [...new Set(points.map(point => point.case))].flatMap(name => {
    const bars = points
      .filter(point => point.case === name)
      .flatMap(({ server, figures }): readonly Bar[] => {
        const known = value(figures)
        return known === undefined ? [] : [{ series: server, value: known, text: text(known) }]
      })
    // The scenario stands in the title.
    return bars.length === 0 ? [] : [{ name: name.slice(scenario.length + 1), bars }]
  })
}

function fileName(scenario: string): string {
  return scenario.replace(/[^a-z0-9-]+/gi, '-')
}
