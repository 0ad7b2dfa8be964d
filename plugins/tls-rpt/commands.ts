/** `posthouse tls-rpt …`: what others report about TLS to us, and what we have counted of TLS to others. */
import { type Clock, type Command, CommandError, type CommandRun, keptReports, type State } from 'posthouse/api'
import { dayOf, printable } from 'posthouse/text'
import type { KeptTlsReport } from './inbox.js'
import type { ReceivedFailure, ReceivedPolicy, ReceivedReport } from './read.js'
import { type DomainTally, daysKnown, type FailureFacts, tallied } from './tally.js'

export interface CommandParts {
  readonly state: State
  readonly clock: Clock
}

export function tlsReportCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'tls-rpt ls',
      summary: 'list the reports about TLS to us, a line for each day, domain and reporter',
      arity: [0, 0],
      run: run => ls(parts, run),
    },
    {
      name: 'tls-rpt show',
      summary: 'show what reporters say of TLS to a domain or mail host of ours, with all failures',
      usage: 'DOMAIN',
      arity: [1, 1],
      run: run => show(parts, run),
    },
    {
      name: 'tls-rpt pending',
      summary: 'show how TLS to others went, as it will be reported, by day and domain',
      usage: '[DOMAIN]',
      arity: [0, 1],
      run: run => pending(parts, run),
    },
  ]
}

interface Line {
  readonly day: string
  readonly policy: ReceivedPolicy
  readonly report: KeptTlsReport
}

async function linesOf({ state, clock }: CommandParts): Promise<readonly Line[]> {
  const reports = await keptReports<ReceivedReport>(state, clock.now())
  return reports.flatMap(report => report.policies.map(policy => ({ day: dayOf(report.until), policy, report })))
}

async function ls(parts: CommandParts, run: CommandRun): Promise<void> {
  const lines = await linesOf(parts)
  if (run.json) return run.print(JSON.stringify(lines.map(told), null, 2))
  if (lines.length === 0) run.warn('no report has come in')
  for (const { day, policy, report } of lines) {
    const { domain, type, successes, failures, details } = policy
    const why = details.length === 0 ? '' : `  (${[...new Set(details.map(one => one.type))].join(', ')})`
    run.print(
      `${day}  ${domain}  ${type}  ${successes} good, ${failures} bad${why}  by ${report.organization}${signedBy(report)}`,
    )
  }
}

/** The name of an organization is whatever it writes. */
function signedBy({ signer }: KeptTlsReport): string {
  return signer === undefined ? ', not signed' : `, signed by ${signer}`
}

function told({ day, policy, report }: Line): object {
  const { organization, contact, id, received, sender, signer } = report
  return {
    day,
    ...policy,
    by: { organization, contact, id, sender, signer, received: new Date(received).toISOString() },
  }
}

async function show(parts: CommandParts, run: CommandRun): Promise<void> {
  const name = (run.args[0] ?? '').toLowerCase()
  const lines = (await linesOf(parts)).filter(({ policy }) => policy.domain === name)
  if (lines.length === 0)
    throw new CommandError(`no report speaks of ${printable(name, 100)}; see posthouse tls-rpt ls`)
  if (run.json) return run.print(JSON.stringify(lines.map(told), null, 2))
  for (const { day, policy, report } of lines) {
    const { organization, contact, id } = report
    run.print(`${day}  ${policy.type}: ${policy.successes} good, ${policy.failures} bad`)
    run.print(`  by ${organization}${contact === '' ? '' : ` (${contact})`}, report ${id}${signedBy(report)}`)
    for (const line of policy.lines) run.print(`  policy: ${line}`)
    for (const detail of policy.details) run.print(`  ${wordsOfReceived(detail)}`)
  }
}

function wordsOfReceived({ type, count, reason, sender, host, remote }: ReceivedFailure): string {
  const way = [sender === undefined ? '' : `from ${sender}`, placeOf(host, remote)].filter(Boolean).join(' ')
  return `${count} × ${type}${way === '' ? '' : ` ${way}`}${reason === undefined ? '' : `: ${reason}`}`
}

async function pending({ state, clock }: CommandParts, run: CommandRun): Promise<void> {
  const now = clock.now()
  const only = run.args[0]?.toLowerCase()
  const days = await daysKnown(state, now)
  const all = await Promise.all(days.map(async day => ({ day, domains: await tallied(state, day, now, only) })))
  const known = all.filter(({ domains }) => domains.length > 0)
  if (run.json) return run.print(JSON.stringify(known, null, 2))
  if (known.length === 0) run.warn('nothing has been counted')
  for (const { day, domains } of known) for (const tally of domains) printTally(day, tally, run)
}

function printTally(day: string, { domain, policies }: DomainTally, run: CommandRun): void {
  for (const { policy, successes, failures } of policies) {
    const bad = failures.reduce((sum, { count }) => sum + count, 0)
    run.print(`${day}  ${domain}  ${policy.kind}  ${successes} good, ${bad} bad`)
    for (const one of failures) run.print(`  ${wordsOfCounted(one)}`)
  }
}

function wordsOfCounted({ type, count, reason, host, remote }: FailureFacts & { readonly count: number }): string {
  const place = placeOf(host, remote)
  return `${count} × ${type}${place === '' ? '' : ` ${place}`}${reason === undefined ? '' : `: ${reason}`}`
}

function placeOf(host: string | undefined, address: string | undefined): string {
  if (host === undefined && address === undefined) return ''
  return `at ${host ?? 'a host'}${address === undefined ? '' : ` [${address}]`}`
}
