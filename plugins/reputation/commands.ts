/** `posthouse sender`: what is known of an address, a domain or a network, what its next mail would be given for that, and how to forget it. */
import { isIP } from 'node:net'
import {
  type Clock,
  type Command,
  CommandError,
  type CommandRun,
  type Correspondent,
  type Finding,
  type History,
  type State,
} from 'posthouse/api'
import {
  normaliseDomain,
  organisationOf,
  parseAddress,
  parseNetwork,
  printable,
  readTally,
  toAsciiDomain,
} from 'posthouse/text'
import type { Terms } from './config.js'
import { findingsFrom, historyWords, writtenWords } from './findings.js'
import {
  type Author,
  domainsOf,
  type Identity,
  namesOf,
  networkOf,
  type Origin,
  plainAuthor,
  SITE,
} from './identity.js'
import { historyKey, knownKey, prefixesOf } from './keys.js'
import type { Ledger } from './ledger.js'
import { correspondentFrom, type Standing, standingOf } from './standing.js'

export interface CommandParts {
  readonly state: State
  readonly clock: Clock
  readonly ledger: Ledger
  readonly terms: Terms
  readonly isOurs: (domain: string) => boolean
}

type Who =
  | { readonly kind: 'address'; readonly author: Author }
  | { readonly kind: 'domain'; readonly domain: string }
  | { readonly kind: 'network'; readonly network: Identity }

/** At a time, of what is listed or removed. */
const MOST = 10_000
const MOST_SHOWN = 20

export function senderCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'sender',
      summary: 'say what is known of a sender, a domain or a network, and what its mail would be given for that now',
      usage: 'WHO',
      arity: [1, 1],
      run: run => show(run, parts),
    },
    {
      name: 'sender forget',
      summary: 'forget all that is known of a sender, of a domain with its senders, or of a network',
      usage: 'WHO',
      arity: [1, 1],
      run: run => forget(run, parts),
    },
  ]
}

export function readWho(text: string): Who {
  const [address] = /^[^/]*(?=\/(?:24|48)$|$)/.exec(text) ?? []
  if (address !== undefined && isIP(address) !== 0 && parseNetwork(text) !== undefined) {
    const [network] = networkOf(address)
    if (network !== undefined) return { kind: 'network', network }
    throw new CommandError(`${address} is an address of the house: what comes from there comes from anywhere`, 2)
  }
  const parsed = text.includes('@') ? parseAddress(text) : undefined
  const domain = normaliseDomain(parsed?.domain ?? text)
  const plain = domain === undefined ? undefined : (toAsciiDomain(domain) ?? domain)
  if (plain !== undefined && parsed === undefined && !text.includes('@')) return { kind: 'domain', domain: plain }
  const author = plain === undefined || parsed === undefined ? undefined : plainAuthor({ ...parsed, domain: plain })
  if (author !== undefined) return { kind: 'address', author }
  const hint = 'ann@example.org, example.org, 192.0.2.1 or 192.0.2.0/24'
  throw new CommandError(`expected an address, a domain or a network (${hint}), got ${printable(text, 100)}`, 2)
}

// ── showing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function show(run: CommandRun, parts: CommandParts): Promise<void> {
  const who = readWho(run.args[0]!)
  const { ledger, terms, clock } = parts
  const now = clock.now()
  const question = { origin: originFor(who), accounts: undefined, answers: false, vouching: [] }
  const standing = await standingOf(ledger, terms, question)
  const about = standing.facts.histories.filter(one => one.kind !== 'site')
  const vouching = who.kind === 'network' ? [] : await vouchersOf(who, parts)
  const people = who.kind === 'domain' ? await knownAt(who.domain, parts) : []
  const given = findingsFrom(standing, terms.points, now)
  const toWriters = findingsFrom(asWriter(standing), terms.points, now)
  const unproven = who.kind === 'address' ? findingsFrom(asUnproven(standing), terms.points, now) : []
  if (run.json) {
    const { correspondent } = standing.facts
    const known = { ...(correspondent && { correspondent: { ...correspondent, accounts: standing.knowing.accounts } }) }
    run.print(
      JSON.stringify(
        { ...told(who), histories: [...about, ...vouching], ...known, people, given, toWriters, unproven },
        null,
        2,
      ),
    )
    return
  }
  const lines = [...known(standing, now), ...[...about, ...vouching].map(one => `${historyWords(one, now)}.`)]
  for (const line of lines) run.print(line)
  if (lines.length === 0 && people.length === 0) run.print(`Nothing is known of ${told(who).who}.`)
  for (const { address, written } of people)
    run.print(`  ${printable(address, 200)}  written to: ${Math.round(written)}`)
  printGiven(run, who, { given, toWriters, unproven })
}

/** The next mail, as if it were proved, from a network nobody has heard of. */
function originFor(who: Who): Origin {
  switch (who.kind) {
    case 'address':
      return { author: who.author, proved: 'yes', identities: [SITE, ...namesOf(who.author)] }
    case 'domain':
      return { proved: 'yes', identities: [SITE, ...domainsOf(who.domain)] }
    case 'network':
      return { proved: 'unknown', identities: [SITE, who.network] }
  }
}

/** To somebody who has written to them as often as all together. */
function asWriter(standing: Standing): Standing {
  const { written = 0, replied = 0 } = standing.facts.correspondent ?? {}
  return { ...standing, knowing: { ...standing.knowing, personal: written + replied } }
}

function asUnproven({ facts, ...rest }: Standing): Standing {
  const claimed = facts.histories.find(({ kind }) => kind === 'address')
  const histories = facts.histories.filter(({ kind }) => kind === 'site')
  return { ...rest, facts: { ...facts, proved: 'no', histories, ...(claimed === undefined ? {} : { claimed }) } }
}

function told(who: Who): { readonly who: string; readonly kind: Who['kind'] } {
  switch (who.kind) {
    case 'address':
      return { kind: who.kind, who: `${who.author.local}@${who.author.domain}` }
    case 'domain':
      return { kind: who.kind, who: who.domain }
    case 'network':
      return { kind: who.kind, who: who.network.name }
  }
}

function known({ facts: { correspondent }, knowing }: Standing, now: number): readonly string[] {
  if (correspondent === undefined) return []
  const { answered, bounced, complained } = correspondent
  const accounts = Math.max(1, Math.round(knowing.accounts))
  const more = [
    `${accounts}${accounts >= 5 ? ' or more' : ''} ${accounts === 1 ? 'account' : 'accounts'} of yours`,
    answered >= 0.5 && `mails of theirs in answer: ${Math.round(answered)}`,
    bounced >= 0.5 && `came back, as there is nobody of that name: ${Math.round(bounced)}`,
    complained >= 0.5 && `complaints: ${Math.round(complained)}`,
  ]
  return [`${writtenWords(correspondent, now)} (${more.filter(Boolean).join('; ')}).`]
}

interface Given {
  readonly given: readonly Finding[]
  /** To those of ours who have written to them themselves. */
  readonly toWriters: readonly Finding[]
  readonly unproven: readonly Finding[]
}

function printGiven(run: CommandRun, who: Who, { given, toWriters, unproven }: Given): void {
  const what =
    who.kind === 'network' ? 'Mail from there would be given' : 'Mail that is proved to be theirs would be given'
  run.print('')
  run.print(given.length === 0 ? `${what} nothing for this now.` : `${what} now:`)
  for (const line of given.map(lineOf)) run.print(line)
  const [own] = toWriters.filter(({ name }) => name === 'known-correspondent')
  if (
    own !== undefined &&
    own.points < Math.min(0, ...given.filter(({ name }) => name === own.name).map(({ points }) => points))
  )
    run.print(
      `  ${own.points.toFixed(1)}  in place of that, for recipients who have written to them themselves, at most`,
    )
  if (unproven.length === 0) return
  run.print('Mail that only claims to be theirs:')
  for (const line of unproven.map(lineOf)) run.print(line)
}

function lineOf({ name, points, says }: Finding): string {
  return `  ${points > 0 ? '+' : ''}${points.toFixed(1)}  ${name}: ${says}`
}

/** As a signer, and as a sender of mail in the name of others. */
async function vouchersOf(
  who: Exclude<Who, { kind: 'network' }>,
  { ledger, terms }: CommandParts,
): Promise<readonly History[]> {
  const domain = who.kind === 'address' ? who.author.domain : who.domain
  const names = [...new Set([domain, organisationOf(domain)])]
  const identities = names.flatMap((name): Identity[] => [
    { kind: 'dkim', name },
    { kind: 'spf', name },
  ])
  const origin: Origin = { proved: 'unknown', identities }
  const { facts } = await standingOf(ledger, terms, { origin, accounts: undefined, answers: false, vouching: [] })
  return facts.histories
}

/** Whom our users write to there, most written first. */
async function knownAt(domain: string, { state, clock, terms }: CommandParts): Promise<readonly Correspondent[]> {
  const now = clock.now()
  const prefix = knownKey({ local: '', domain })
  const entries = await state.list(prefix, now, MOST)
  const found = entries.flatMap(({ key, value }) => {
    const address = `${decodeURIComponent(key.slice(prefix.length))}@${domain}`
    return correspondentFrom(address, readTally(value, terms.correspondents, now)) ?? []
  })
  return found.toSorted((a, b) => b.written - a.written).slice(0, MOST_SHOWN)
}

// ── forgetting ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function forget(run: CommandRun, parts: CommandParts): Promise<void> {
  const { state } = parts
  const who = readWho(run.args[0]!)
  const keys = who.kind === 'network' ? [historyKey(who.network)] : keysOf(who)
  const prefixes =
    who.kind === 'address' ? prefixesOf(who.author) : who.kind === 'domain' ? prefixesOf({ domain: who.domain }) : []
  const shares = keys.map(key => `share/${key}/`)
  let gone = 0
  for (const key of keys) if (await state.remove(key)) gone++
  for (const prefix of [...prefixes, ...shares]) gone += await removeBelow(prefix, parts)
  if (run.json) return run.print(JSON.stringify({ ...told(who), forgotten: gone }))
  run.print(gone === 0 ? `nothing was known of ${told(who).who}` : `forgot ${told(who).who}: ${gone} entries`)
}

async function removeBelow(prefix: string, { state, clock }: CommandParts): Promise<number> {
  let gone = 0
  for (let more = true; more; ) {
    const entries = await state.list(prefix, clock.now(), MOST)
    let here = 0
    for (const { key } of entries) if (await state.remove(key)) here++
    gone += here
    // One that somebody else removes meanwhile is no reason to go on for ever.
    more = entries.length === MOST && here > 0
  }
  return gone
}

function keysOf(who: Exclude<Who, { kind: 'network' }>): readonly string[] {
  if (who.kind === 'address') {
    const name = `${who.author.local}@${who.author.domain}`
    return [historyKey({ kind: 'address', name }), knownKey(who.author)]
  }
  return (['organisation', 'domain', 'dkim', 'spf'] as const).map(kind => historyKey({ kind, name: who.domain }))
}
