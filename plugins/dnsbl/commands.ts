/** `posthouse dnsbl …`: how the lists are, and what they say of an address, a name, a link or a mail address right now. */
import { type Clock, type Command, CommandError, type CommandRun, type Resolver, type State } from 'posthouse/api'
import { formatDuration } from 'posthouse/text'
import type { Terms } from './config.js'
import type { List } from './list.js'
import { askWithin, type Listing, Round } from './lookup.js'
import { questionsTo, seenIn } from './question.js'
import { keyOf, readAll, subjectsOf } from './watch.js'
import { weigh } from './weigh.js'

const NEVER = new AbortController().signal

export function dnsblCommands(terms: Terms, dns: Resolver, state: State, clock: Clock): readonly Command[] {
  return [
    {
      name: 'dnsbl status',
      summary: 'show the lists that are asked, and which of them are switched off',
      arity: [0, 0],
      run: run => status(run, terms, state, clock.now()),
    },
    {
      name: 'dnsbl check',
      summary: 'ask all lists about an address, a name, a mail address or a link, also those that are switched off',
      usage: 'ADDRESS|NAME|EMAIL|LINK',
      arity: [1, 1],
      run: run => check(run, terms, dns),
    },
  ]
}

async function status(run: CommandRun, { lists }: Terms, state: State, now: number): Promise<void> {
  const known = await readAll(state, now)
  const rows = subjectsOf(lists).map(subject => {
    const { list, family } = subject
    const health = list.check === false ? undefined : known.get(keyOf(subject))
    return {
      list: list.name,
      kind: list.kind,
      family,
      about: [...list.about],
      state: list.check === false ? 'unchecked' : (health?.state ?? 'untested'),
      asked: list.check === false || health?.state === 'healthy',
      ...(health && { since: health.since, checked: health.checked }),
      ...(health?.why === undefined ? {} : { why: health.why }),
    }
  })
  if (run.json) return run.print(JSON.stringify(rows, null, 2))
  for (const { list, kind, family, about, state: found, since, checked, why } of rows) {
    const times =
      since === undefined || checked === undefined
        ? ''
        : `  for ${inWords(now - since)}, tested ${inWords(now - checked)} ago`
    run.print(`${list}  ${kind}  ${family}  ${about.join('+')}  ${found}${times}${why === undefined ? '' : `  ${why}`}`)
  }
  if (rows.length === 0) run.print('no list is configured')
}

async function check(run: CommandRun, terms: Terms, dns: Resolver): Promise<void> {
  const [text] = run.args
  const seen = seenIn(text!)
  if (seen === undefined)
    throw new CommandError(
      `expected an address like 192.0.2.1 or 2001:db8::1, a name, a mail address or a link, got ${text}`,
      2,
    )
  if (!dns.configured) throw new CommandError('no name servers are configured: set dns.servers in server.yaml')
  const questions = terms.lists.flatMap(list => seen.flatMap(one => questionsTo(list, one)))
  const heard = await askWithin(new Round(dns, () => 'ready'), questions, terms.withinMs, NEVER)
  const { hits, sum } = weigh(heard)
  const points = new Map(hits.map(hit => [hit.list, hit.points]))
  const client = weigh(heard.filter(({ topics, list }) => topics.includes('client') && list.about.has('client')))
  const follows = client.sum >= terms.rejectAt ? 'reject' : client.sum >= terms.deferAt ? 'defer' : 'pass'
  if (run.json) {
    const answers = heard.map(({ list, of, listing }) => ({
      ...{ list: list.name, of, ...listing, ...meaningOf(list, listing), points: points.get(list) ?? 0 },
    }))
    return run.print(JSON.stringify({ about: text, answers, sum, follows }, null, 2))
  }
  for (const { list, of, listing } of heard) {
    const what = of === text ? '' : `${of}  `
    run.print(`${list.name}  ${what}${told(list, listing)}  ${points.get(list) ?? 0}`)
  }
  run.print(heard.length === 0 ? 'no list has entries of that kind' : `together ${sum}: ${follows}`)
}

function meaningOf(list: List, listing: Listing): { readonly means?: string } {
  const means = listing.kind === 'listed' ? list.read(listing.codes).means : undefined
  return means === undefined ? {} : { means }
}

function told(list: List, listing: Listing): string {
  switch (listing.kind) {
    case 'clear':
      return 'not listed'
    case 'unknown':
      return `not known: ${listing.why}`
    case 'listed': {
      const { means } = meaningOf(list, listing)
      const words = [listing.codes.join(', '), ...(means === undefined ? [] : [means])].join(', ')
      return `listed (${words}${listing.reason === undefined ? '' : `: ${listing.reason}`})`
    }
  }
}

function inWords(ms: number): string {
  return formatDuration(Math.max(1000, Math.round(ms / 1000) * 1000))
}
