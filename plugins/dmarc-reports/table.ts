/** Who sends in the name of a domain, as far as reports tell: all rows of all reporters, put together by domain and source. Pure. */
import type { KeptDmarcReport } from './inbox.js'
import { type Disposition, hasPassed } from './read.js'

export interface SourceLine {
  readonly domain: string
  readonly source: string
  readonly messages: number
  readonly passed: number
  /** Aligned by each. */
  readonly dkim: number
  readonly spf: number
  readonly dispositions: Readonly<Partial<Record<Disposition, number>>>
  /** Names that its signatures and envelopes were under. */
  readonly as: readonly string[]
  readonly reporters: readonly string[]
}

const MAX_NAMES = 5

/** By domain, those first of which the most messages failed, then the largest. */
export function sourcesOf(reports: readonly KeptDmarcReport[]): readonly SourceLine[] {
  const lines = new Map<string, SourceLine>()
  for (const { domain, rows, organization } of reports)
    for (const row of rows) {
      const { source, count, disposition, dkim, spf } = row
      const key = `${domain} ${source}`
      const line = lines.get(key) ?? emptyLine(domain, source)
      lines.set(key, {
        ...line,
        messages: line.messages + count,
        passed: line.passed + (hasPassed(row) ? count : 0),
        dkim: line.dkim + (dkim ? count : 0),
        spf: line.spf + (spf ? count : 0),
        dispositions: { ...line.dispositions, [disposition]: (line.dispositions[disposition] ?? 0) + count },
        as: distinct(line.as, [...row.signatures, ...row.senders].map(firstWord)),
        reporters: distinct(line.reporters, [organization]),
      })
    }
  return [...lines.values()].sort(
    (a, b) => compare(a.domain, b.domain) || failed(b) - failed(a) || b.messages - a.messages,
  )
}

function emptyLine(domain: string, source: string): SourceLine {
  return { domain, source, messages: 0, passed: 0, dkim: 0, spf: 0, dispositions: {}, as: [], reporters: [] }
}

function failed({ messages, passed }: SourceLine): number {
  return messages - passed
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function firstWord(text: string): string {
  return text.split(' ', 1)[0]!
}

function distinct(known: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Set([...known, ...more])].slice(0, MAX_NAMES)
}
