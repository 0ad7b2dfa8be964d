/**
 * How somebody stands here: what is kept of each identity that is proved, of a correspondent, and of mails of ours that are answered, put
 * together from the state.
 */
import type { Correspondent, History, ReputationFacts } from 'posthouse/api'
import type { Tally } from 'posthouse/text'
import type { Terms } from './config.js'
import { type Author, type Identity, type Origin, SITE } from './identity.js'
import { historyKey, knownKey, pairKey } from './keys.js'
import type { Ledger } from './ledger.js'

/** Facts, and what only this plugin weighs by. */
export interface Standing {
  readonly facts: ReputationFacts
  readonly knowing: Knowing
  /** Domains that vouch for it, for sentences. */
  readonly vouching: readonly string[]
}

export interface Knowing {
  /** Of ours that have written to them, each as one. */
  readonly accounts: number
  /** What all recipients of this mail have written to them, each at least. */
  readonly personal: number
}

const NOBODY: Knowing = { accounts: 0, personal: 0 }
/** Half a mail, as it fades. */
const LEAST_WRITTEN = 0.5
/** More accounts than these count for no more. */
const MOST_WRITERS = 5

export interface Question {
  readonly origin: Origin
  /** Accounts of all recipients; nothing: there are too many, or somebody among them has none. */
  readonly accounts: readonly string[] | undefined
  readonly answers: boolean
  readonly vouching: readonly string[]
}

export async function standingOf(ledger: Ledger, terms: Terms, question: Question): Promise<Standing> {
  const { origin, accounts, answers, vouching } = question
  const { author, proved, identities } = origin
  const address = author === undefined ? undefined : nameOf(author)
  const [histories, correspondent, claimed] = await Promise.all([
    historiesOf(ledger, terms, identities),
    author === undefined ? undefined : correspondentOf(ledger, terms, author),
    address === undefined || proved === 'yes'
      ? undefined
      : historyOf(ledger, terms, { kind: 'address', name: address }),
  ])
  const knowing = correspondent === undefined ? NOBODY : await knowingOf(ledger, terms, author!, accounts)
  return {
    facts: {
      ...(address === undefined ? {} : { address }),
      proved,
      histories,
      ...(claimed === undefined ? {} : { claimed }),
      ...(correspondent === undefined ? {} : { correspondent }),
      personal: knowing.personal > 0,
      answers,
    },
    knowing,
    vouching,
  }
}

export function nameOf({ local, domain }: Author): string {
  return `${local}@${domain}`
}

async function historiesOf(ledger: Ledger, terms: Terms, of: readonly Identity[]): Promise<readonly History[]> {
  const found = await Promise.all(of.map(identity => historyOf(ledger, terms, identity)))
  return found.flatMap(one => one ?? [])
}

async function historyOf(ledger: Ledger, terms: Terms, identity: Identity): Promise<History | undefined> {
  const key = historyKey(identity)
  const read = identity.kind === SITE.kind ? ledger.readSoon(key, terms.history) : ledger.read(key, terms.history)
  const tally = await read
  return tally === undefined ? undefined : historyFrom(identity, tally)
}

function historyFrom({ kind, name }: Identity, { since, latest, sums }: Tally): History {
  const sum = (of: string) => sums.get(of) ?? 0
  return {
    ...{ kind, name, since, latest },
    ...{ ham: sum('ham'), spam: sum('spam'), unsure: sum('unsure'), refused: sum('refused') },
    ...{ junked: sum('junked'), rescued: sum('rescued') },
  }
}

async function correspondentOf(ledger: Ledger, terms: Terms, author: Author): Promise<Correspondent | undefined> {
  return correspondentFrom(nameOf(author), await ledger.read(knownKey(author), terms.correspondents))
}

export function correspondentFrom(address: string, tally: Tally | undefined): Correspondent | undefined {
  const sum = (of: string) => tally?.sums.get(of) ?? 0
  if (tally === undefined || sum('written') === 0) return undefined
  return {
    ...{ address, since: tally.since, latest: tally.latest },
    ...{ written: sum('written'), replied: sum('replied') },
    ...{ answered: sum('answered'), bounced: sum('bounced'), complained: sum('complained') },
  }
}

/** There is somebody of that name, by all that is known: slips of the pen come back. */
export function isReached(tally: Tally | undefined): boolean {
  const { written = 0, bounced = 0 } = Object.fromEntries(tally?.sums ?? [])
  return written - 2 * bounced >= LEAST_WRITTEN
}

async function knowingOf(
  ledger: Ledger,
  terms: Terms,
  author: Author,
  accounts: readonly string[] | undefined,
): Promise<Knowing> {
  const own = (accounts ?? []).map(id => ledger.read(pairKey(author, id), terms.correspondents))
  const [pairs, tallies] = await Promise.all([
    ledger.list(pairKey(author, ''), terms.correspondents, MOST_WRITERS),
    Promise.all(own),
  ])
  // The least of them: who shares a mail with one of ours gets no more for it than for the others.
  const personal = tallies.length === 0 ? 0 : Math.min(...tallies.map(writtenIn))
  return { accounts: pairs.reduce((sum, pair) => sum + Math.min(1, writtenIn(pair)), 0), personal }
}

function writtenIn(tally: Tally | undefined): number {
  return (tally?.sums.get('written') ?? 0) + (tally?.sums.get('replied') ?? 0)
}
