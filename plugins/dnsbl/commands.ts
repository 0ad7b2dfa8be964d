/** `posthouse dnsbl …`: how the lists are, and what they say of an address right now. */
import { type Clock, type Command, CommandError, type CommandRun, type Resolver, type State } from 'posthouse/api'
import { formatDuration, plainIp, reversedLabels } from 'posthouse/text'
import type { Terms } from './config.js'
import { askLists, type Listing } from './lookup.js'
import { keyOf, readAll, subjectsOf } from './watch.js'
import { weigh } from './weigh.js'

const NEVER = new AbortController().signal

export function dnsblCommands(terms: Terms, dns: Resolver, state: State, clock: Clock): readonly Command[] {
  return [
    {
      name: 'dnsbl status',
      summary: 'show the lists that are asked about clients, and which of them are switched off',
      arity: [0, 0],
      run: run => status(run, terms, state, clock.now()),
    },
    {
      name: 'dnsbl check',
      summary: 'ask all lists about an address, also those that are switched off',
      usage: 'ADDRESS',
      arity: [1, 1],
      run: run => check(run, terms, dns),
    },
  ]
}

async function status(run: CommandRun, { lists }: Terms, state: State, now: number): Promise<void> {
  const known = await readAll(state, now)
  const rows = subjectsOf(lists).map(subject => {
    const { list, family } = subject
    const health = list.check ? known.get(keyOf(subject)) : undefined
    return {
      list: list.name,
      kind: list.kind,
      family,
      state: list.check ? (health?.state ?? 'untested') : 'unchecked',
      asked: !list.check || health?.state === 'healthy',
      ...(health && { since: health.since, checked: health.checked }),
      ...(health?.why === undefined ? {} : { why: health.why }),
    }
  })
  if (run.json) return run.print(JSON.stringify(rows, null, 2))
  for (const { list, kind, family, state: found, since, checked, why } of rows) {
    const times =
      since === undefined || checked === undefined
        ? ''
        : `  for ${inWords(now - since)}, tested ${inWords(now - checked)} ago`
    run.print(`${list}  ${kind}  ${family}  ${found}${times}${why === undefined ? '' : `  ${why}`}`)
  }
  if (rows.length === 0) run.print('no list is configured')
}

async function check(run: CommandRun, terms: Terms, dns: Resolver): Promise<void> {
  const address = run.args[0]!
  const labels = reversedLabels(address)
  if (labels === undefined)
    throw new CommandError(`expected an address like 192.0.2.1 or 2001:db8::1, got ${address}`, 2)
  if (!dns.configured) throw new CommandError('no name servers are configured: set dns.servers in server.yaml')
  const lists = terms.lists.filter(list => (plainIp(address).includes(':') ? list.ipv6 : list.ipv4))
  const heard = await askLists(dns, lists, labels, terms.withinMs, NEVER)
  const weighed = weigh(heard)
  const points = new Map(weighed.hits.map(hit => [hit.list, hit.points]))
  const follows = weighed.sum >= terms.rejectAt ? 'reject' : weighed.sum >= terms.deferAt ? 'defer' : 'pass'
  if (run.json) {
    const answers = heard.map(({ list, listing }) => ({ list: list.name, ...listing, points: points.get(list) ?? 0 }))
    return run.print(JSON.stringify({ address, answers, sum: weighed.sum, follows }, null, 2))
  }
  for (const { list, listing } of heard) run.print(`${list.name}  ${told(listing)}  ${points.get(list) ?? 0}`)
  run.print(`together ${weighed.sum}: ${follows}`)
}

function told(listing: Listing): string {
  switch (listing.kind) {
    case 'clear':
      return 'not listed'
    case 'unknown':
      return `not known: ${listing.why}`
    case 'listed':
      return `listed (${listing.codes.join(', ')}${listing.reason === undefined ? '' : `: ${listing.reason}`})`
  }
}

function inWords(ms: number): string {
  return formatDuration(Math.max(1000, Math.round(ms / 1000) * 1000))
}
