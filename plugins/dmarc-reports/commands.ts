/** `posthouse dmarc-reports …`: what others report about mail in our name, and what we have counted of mail in theirs. */
import { type Clock, type Command, CommandError, type CommandRun, keptReports, type State } from 'posthouse/api'
import { DAY_MS, dayOf, domainKey, printable } from 'posthouse/text'
import type { KeptDmarcReport } from './inbox.js'
import type { ReceivedReport, ReceivedRow, Sums } from './read.js'
import { type SourceLine, sourcesOf } from './table.js'
import { type PolicyTally, periodsKnown, type RowFacts, tallied } from './tally.js'

export interface CommandParts {
  readonly state: State
  readonly clock: Clock
}

const DAYS = { days: { type: 'string', value: 'DAYS', description: 'only of the last DAYS days' } } as const

export function dmarcReportCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'dmarc-reports ls',
      summary: 'list the reports about mail in our name, a line for each day, domain and reporter',
      options: DAYS,
      arity: [0, 0],
      run: run => ls(parts, run),
    },
    {
      name: 'dmarc-reports show',
      summary: 'show what reporters say of mail in the name of a domain of ours, with all rows',
      usage: 'DOMAIN',
      options: DAYS,
      arity: [1, 1],
      run: run => show(parts, run),
    },
    {
      name: 'dmarc-reports sources',
      summary: 'show who sends in the name of our domains: a line for each domain and address',
      usage: '[DOMAIN]',
      options: DAYS,
      arity: [0, 1],
      run: run => sources(parts, run),
    },
    {
      name: 'dmarc-reports pending',
      summary: 'show what was judged of mail from elsewhere, as it will be reported, by period and domain',
      usage: '[DOMAIN]',
      arity: [0, 1],
      run: run => pending(parts, run),
    },
  ]
}

async function reportsOf({ state, clock }: CommandParts, run: CommandRun): Promise<readonly KeptDmarcReport[]> {
  const now = clock.now()
  const { days } = run.options
  if (days !== undefined && !/^[1-9][0-9]{0,3}$/.test(String(days)))
    throw new CommandError('--days takes a number of days, as in --days 7')
  const since = days === undefined ? 0 : now - Number(days) * DAY_MS
  const domain = domainOf(run)
  const reports = await keptReports<ReceivedReport>(state, now)
  return reports.filter(one => one.until >= since && (domain === undefined || one.domain === domain))
}

function domainOf({ args: [name] }: CommandRun): string | undefined {
  return name === undefined ? undefined : domainKey(name)
}

async function ls(parts: CommandParts, run: CommandRun): Promise<void> {
  const reports = await reportsOf(parts, run)
  if (run.json) return run.print(JSON.stringify(reports.map(told), null, 2))
  if (reports.length === 0) run.warn('no report has come in')
  for (const report of reports)
    run.print(`${dayOf(report.until)}  ${report.domain}  ${wordsOfSums(report.sums)}  by ${wordsOfReporter(report)}`)
}

function wordsOfSums({ messages, passed }: Sums): string {
  return `${passed} passed, ${messages - passed} failed`
}

/** The name of an organization is whatever it writes. */
function wordsOfReporter({ organization, signer }: KeptDmarcReport): string {
  return `${organization}, ${signer === undefined ? 'not signed' : `signed by ${signer}`}`
}

function told({
  organization,
  contact,
  id,
  received,
  sender,
  signer,
  from,
  until,
  ...report
}: KeptDmarcReport): object {
  const time = (ms: number) => new Date(ms).toISOString()
  return {
    ...{ day: dayOf(until), from: time(from), until: time(until), ...report },
    by: { organization, contact, id, sender, signer, received: time(received) },
  }
}

async function show(parts: CommandParts, run: CommandRun): Promise<void> {
  const reports = await reportsOf(parts, run)
  if (reports.length === 0)
    throw new CommandError(`no report speaks of ${printable(run.args[0]!, 100)}; see posthouse dmarc-reports ls`)
  if (run.json) return run.print(JSON.stringify(reports.map(told), null, 2))
  for (const report of reports) {
    const { contact, id, policy, rows, beyond, sums } = report
    run.print(`${dayOf(report.until)}  ${wordsOfSums(sums)}`)
    run.print(`  by ${wordsOfReporter(report)}${contact === '' ? '' : ` (${contact})`}, report ${id}`)
    run.print(`  policy: ${policy}`)
    for (const row of rows) printRow(row, run)
    if (beyond.rows > 0) run.print(`  and ${beyond.rows} more rows: ${wordsOfSums(beyond)}`)
  }
}

function printRow(row: ReceivedRow, run: CommandRun): void {
  const { source, count, disposition, dkim, spf, from, reasons, signatures, senders } = row
  const results = `dkim ${dkim ? 'pass' : 'fail'}, spf ${spf ? 'pass' : 'fail'}, ${disposition}`
  run.print(`  ${count} × ${source}  From ${from}  ${results}`)
  const details = [...signatures.map(one => `signed: ${one}`), ...senders.map(one => `SPF: ${one}`), ...reasons]
  printDetails(details, run)
}

function printDetails(details: readonly string[], run: CommandRun): void {
  if (details.length > 0) run.print(`      ${details.join('; ')}`)
}

async function sources(parts: CommandParts, run: CommandRun): Promise<void> {
  const reports = await reportsOf(parts, run)
  const lines = sourcesOf(reports)
  if (run.json) return run.print(JSON.stringify(lines, null, 2))
  if (lines.length === 0) run.warn('no report has come in')
  let domain = ''
  for (const line of lines) {
    if (line.domain !== domain) run.print(line.domain)
    domain = line.domain
    run.print(`  ${wordsOfSource(line)}`)
  }
}

function wordsOfSource({ source, messages, passed, dkim, spf, dispositions, as }: SourceLine): string {
  const done = Object.entries(dispositions).map(([kind, count]) => `${kind} ${count}`)
  const names = as.length === 0 ? '' : `  as ${as.join(', ')}`
  return `${source}  ${passed} passed, ${messages - passed} failed  (dkim ${dkim}, spf ${spf})  ${done.join(', ')}${names}`
}

async function pending({ state, clock }: CommandParts, run: CommandRun): Promise<void> {
  const now = clock.now()
  const only = domainOf(run)
  const periods = await periodsKnown(state, now)
  const all = await Promise.all(
    periods.map(async period => ({ period, policies: await tallied(state, period, now, only) })),
  )
  const known = all.filter(({ policies }) => policies.length > 0)
  if (run.json) return run.print(JSON.stringify(known, null, 2))
  if (known.length === 0) run.warn('nothing has been counted')
  for (const { period, policies } of known) for (const tally of policies) printTally(period, tally, run)
}

function printTally(period: string, { published, rows }: PolicyTally, run: CommandRun): void {
  run.print(`${period}  ${published.at}  p=${published.policy}  to ${printable(published.reportsTo, 200)}`)
  for (const row of rows) {
    run.print(`  ${wordsOfCounted(row)}`)
    printDetails(detailsOf(row), run)
  }
}

/** What else tells it from other rows. */
function detailsOf({ signatures, sender, report }: RowFacts): readonly string[] {
  return [
    ...signatures.map(({ domain, selector, result }) => `signed: ${domain} ${selector} ${result}`),
    ...(sender === undefined ? [] : [`SPF: ${sender.domain} ${sender.result}`]),
    ...(report === true ? ['a report itself'] : []),
  ]
}

function wordsOfCounted(row: RowFacts & { readonly count: number }): string {
  const { count, source, from, dkim, spf, disposition, overrides } = row
  const why = overrides.length === 0 ? '' : ` (${overrides.map(({ kind }) => kind).join(', ')})`
  return `${count} × ${source}  From ${from}  dkim ${dkim ? 'pass' : 'fail'}, spf ${spf ? 'pass' : 'fail'}, ${disposition}${why}`
}
