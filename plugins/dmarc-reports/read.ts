/**
 * Reads a report that somebody sent about mail in our name (RFC 7489 §7.2 and appendix C, and what later drafts have added). Bounded in rows and texts. What
 * is not known is passed over, case does not matter; what is not there, or cannot be so, makes it no report. Pure.
 */
import { isIP } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { ReportFault, type ReportHead } from 'posthouse/api'
import { printable, toAsciiDomain } from 'posthouse/text'
import { childOf, childrenOf, type Element, readElement, textOf } from './xml.js'

export interface ReceivedReport extends ReportHead {
  /** Whose policy it is, in A-labels. */
  readonly domain: string
  /** As published: `p=reject; sp=none; adkim=s`. */
  readonly policy: string
  /** The largest first, what differs only in details put together. */
  readonly rows: readonly ReceivedRow[]
  /** Of all rows, also of those that are not kept. */
  readonly sums: Sums
  /** What is not among `rows`. */
  readonly beyond: Sums
}

export interface Sums {
  readonly rows: number
  readonly messages: number
  /** Messages that passed DMARC. */
  readonly passed: number
}

export interface ReceivedRow {
  readonly source: string
  readonly count: number
  readonly disposition: Disposition
  /** Aligned, and passed. */
  readonly dkim: boolean
  readonly spf: boolean
  readonly from: string
  readonly envelopeFrom?: string
  /** Why less was done than the policy asks for: `trusted_forwarder: known list`. */
  readonly reasons: readonly string[]
  /** `example.org s1 pass` */
  readonly signatures: readonly string[]
  /** `bounce.example.org pass` */
  readonly senders: readonly string[]
}

/** `pass`: as later drafts say it of mail that has passed. */
export type Disposition = 'none' | 'pass' | 'quarantine' | 'reject'

const DISPOSITIONS = ['none', 'pass', 'quarantine', 'reject'] as const
const MAX_RECORDS = 10_000
const MAX_KEPT = 500
const PAUSE_EVERY = 500
const MAX_DETAILS = 5
const MAX_NAME = 253
const MAX_ID = 300
const MAX_COUNT = 1_000_000_000
const MAX_SECONDS = 10_000_000_000
/** Clocks differ; days that are to come differ more. */
const MAX_AHEAD_MS = 2 * 86_400_000
const POLICY_TAGS = ['p', 'sp', 'np', 'adkim', 'aspf', 'pct', 'testing', 'fo', 'discovery_method'] as const

/** Throws `ReportFault`. */
export async function readReport(xml: string, now: number): Promise<ReceivedReport> {
  // Some senders put it inside an element of their own, or forget to end that.
  const feedback = await readElement(xml, 'feedback')
  const head = readHead(need(childOf(feedback, 'report_metadata'), 'report_metadata'), now)
  const published = need(childOf(feedback, 'policy_published'), 'policy_published')
  const domain = toAsciiDomain(textOf(published, 'domain').replace(/\.$/, ''))
  if (domain === undefined) throw new ReportFault('policy_published speaks of no domain')
  const records = childrenOf(feedback, 'record')
  if (records.length > MAX_RECORDS) throw new ReportFault(`it has more than ${MAX_RECORDS} records`)
  const rows = together(await rowsOf(records))
  if (rows.length === 0) throw new ReportFault('it has no record that can be read')
  const kept = rows.slice(0, MAX_KEPT)
  const policy = POLICY_TAGS.flatMap(tag => tagOf(published, tag) ?? []).join('; ')
  return { ...head, domain, policy, rows: kept, sums: sumsOf(rows), beyond: sumsOf(rows.slice(MAX_KEPT)) }
}

/** Others have their turn in between. */
async function rowsOf(records: readonly Element[]): Promise<readonly ReceivedRow[]> {
  const rows: ReceivedRow[] = []
  for (const [i, record] of records.entries()) {
    if (i % PAUSE_EVERY === PAUSE_EVERY - 1) await setImmediate()
    const row = readRecord(record)
    if (row !== undefined) rows.push(row)
  }
  return rows
}

function readHead(metadata: Element, now: number): ReportHead {
  const range = childOf(metadata, 'date_range')
  const [from, until] = [dateOf(range, 'begin'), dateOf(range, 'end')]
  if (until < from) throw new ReportFault('it ends before it begins')
  if (until > now + MAX_AHEAD_MS) throw new ReportFault('it is about days to come')
  const id = printable(textOf(metadata, 'report_id'), MAX_ID)
  if (id === '') throw new ReportFault('report_id is missing')
  const contact = printable(textOf(metadata, 'email'))
  return { organization: printable(textOf(metadata, 'org_name')) || contact || 'unknown', contact, id, from, until }
}

function readRecord(record: Element): ReceivedRow | undefined {
  const row = childOf(record, 'row')
  const evaluated = childOf(row, 'policy_evaluated')
  const identifiers = childOf(record, 'identifiers')
  const results = childOf(record, 'auth_results')
  const source = textOf(row, 'source_ip')
  const count = numberOf(textOf(row, 'count'), MAX_COUNT)
  if (isIP(source) === 0 || count === undefined) return undefined
  const said = textOf(evaluated, 'disposition').toLowerCase()
  const envelopeFrom = nameOf(textOf(identifiers, 'envelope_from'))
  return {
    ...{ source: source.toLowerCase(), count },
    disposition: DISPOSITIONS.find(one => one === said) ?? 'none',
    dkim: isPass(evaluated, 'dkim'),
    spf: isPass(evaluated, 'spf'),
    from: nameOf(textOf(identifiers, 'header_from')),
    ...(envelopeFrom === '' ? {} : { envelopeFrom }),
    reasons: details(evaluated, 'reason', reason => joined(': ', reason, 'type', 'comment')),
    signatures: details(results, 'dkim', one => joined(' ', one, 'domain', 'selector', 'result')),
    senders: details(results, 'spf', one => joined(' ', one, 'domain', 'result')),
  }
}

function isPass(evaluated: Element | undefined, name: string): boolean {
  return textOf(evaluated, name).toLowerCase() === 'pass'
}

function details(parent: Element | undefined, name: string, words: (one: Element) => string): readonly string[] {
  return childrenOf(parent, name)
    .slice(0, MAX_DETAILS)
    .flatMap(one => words(one) || [])
}

function joined(between: string, element: Element, ...names: readonly string[]): string {
  return printable(names.flatMap(name => textOf(element, name) || []).join(between))
}

/** The largest first; rows that differ in details alone count under the details of the first. */
function together(rows: readonly ReceivedRow[]): readonly ReceivedRow[] {
  const known = new Map<string, ReceivedRow>()
  for (const row of rows) {
    const { source, disposition, dkim, spf, from } = row
    const key = JSON.stringify([source, disposition, dkim, spf, from])
    const first = known.get(key)
    known.set(key, first === undefined ? row : { ...first, count: first.count + row.count })
  }
  return [...known.values()].sort((a, b) => b.count - a.count)
}

/** RFC 7489 §4.2: one of the two is enough. */
export function hasPassed({ dkim, spf }: Pick<ReceivedRow, 'dkim' | 'spf'>): boolean {
  return dkim || spf
}

function sumsOf(rows: readonly ReceivedRow[]): Sums {
  const count = (some: readonly ReceivedRow[]) => some.reduce((sum, row) => sum + row.count, 0)
  return { rows: rows.length, messages: count(rows), passed: count(rows.filter(hasPassed)) }
}

function tagOf(published: Element, tag: string): string | undefined {
  const value = printable(textOf(published, tag), 40).toLowerCase()
  return value === '' ? undefined : `${tag}=${value}`
}

/** A name as it should be, or what stands there. */
function nameOf(text: string): string {
  return toAsciiDomain(text) ?? printable(text, MAX_NAME).toLowerCase()
}

function dateOf(range: Element | undefined, name: string): number {
  const seconds = numberOf(textOf(range, name), MAX_SECONDS)
  if (seconds === undefined) throw new ReportFault(`${name} of date_range is no date`)
  return seconds * 1000
}

function numberOf(text: string, most: number): number | undefined {
  const value = /^[0-9]{1,12}$/.test(text) ? Number(text) : undefined
  return value === undefined || value > most ? undefined : value
}

function need(element: Element | undefined, name: string): Element {
  if (element === undefined) throw new ReportFault(`${name} is missing`)
  return element
}
