/**
 * How likely mail of somebody is spam, by what came before: each identity's share, shrunk towards that of the wider one around it, which stands
 * for it as long as there is little to go by (docs/decisions/0037). Pure.
 */
import type { History, IdentityKind } from 'posthouse/api'

/** Mails of its own that an identity needs to count as much as the wider one. One address among many says more of itself than a network does. */
const TRUSTED_AT: Readonly<Record<IdentityKind, number>> = {
  site: 50,
  network: 10,
  organisation: 5,
  domain: 5,
  dkim: 5,
  spf: 5,
  address: 3,
}
/** Before anything is known of a site. */
const ANYWHERE = 0.3
/** What a person says of a message weighs more than what its points say. */
const WORD = 2
/** Nothing is as sure as 0 or 1. */
const SUREST = 0.001

export interface Estimate {
  /** Of the whole site, and of whom it is about. */
  readonly site: number
  readonly spam: number
}

export function badOf({ spam, refused, junked }: History): number {
  return spam + refused + WORD * junked
}

export function goodOf({ ham, rescued }: History): number {
  return ham + WORD * rescued
}

/** `chain` from the widest to the narrowest; where it has no site, nothing is known of that. */
export function estimate(chain: readonly History[]): Estimate {
  let site = ANYWHERE
  let spam = ANYWHERE
  for (const [at, history] of chain.entries()) {
    const wider = TRUSTED_AT[history.kind]
    const [bad, good] = countsBeside(history, chain[at + 1])
    spam = (bad + wider * spam) / (bad + good + wider)
    if (history.kind === 'site') site = spam
  }
  return { site, spam }
}

/** Each mail speaks once: for the narrowest it belongs to. What that one did is no witness for the wider one against it. */
function countsBeside(history: History, narrower: History | undefined): readonly [bad: number, good: number] {
  const [bad, good] = [badOf(history), goodOf(history)]
  if (narrower === undefined || history.kind === 'site') return [bad, good]
  return [Math.max(0, bad - badOf(narrower)), Math.max(0, good - goodOf(narrower))]
}

/**
 * Whose histories are looked at, from the widest to the narrowest. Proved: who From names. Otherwise the network, and of those who signed or sent
 * it the one that most is known of: which is no blame for whom From merely names, nor credit.
 */
export function chainOf(histories: readonly History[], proved: boolean): readonly History[] {
  const wide = histories.filter(({ kind }) => kind === 'site' || kind === 'network')
  if (proved) {
    const names = histories.filter(({ kind }) => kind === 'organisation' || kind === 'domain' || kind === 'address')
    return [...wide, ...names]
  }
  const vouchers = histories.filter(({ kind }) => kind === 'dkim' || kind === 'spf')
  const known = vouchers.toSorted((a, b) => badOf(b) + goodOf(b) - badOf(a) - goodOf(a)).slice(0, 1)
  return [...wide, ...known]
}

/** Points for the odds of spam beyond those of any mail here, and beyond even; 0 for anything better. */
export function badPoints({ site, spam }: Estimate, most: number): number {
  const beyond = logOdds(spam) - Math.max(0, logOdds(site))
  return Math.min(most, Math.max(0, beyond))
}

/** A share of 1, for histories that are long and good. Their own mail must carry it: a wider one's is no merit. */
export function goodShare(own: History | undefined, { spam }: Estimate): number {
  if (own === undefined) return 0
  // One mail is no history.
  const good = Math.max(0, goodOf(own) - 1)
  return (good / (good + 10)) * Math.max(0, 1 - 2 * spam)
}

function logOdds(share: number): number {
  const within = Math.min(1 - SUREST, Math.max(SUREST, share))
  return Math.log(within / (1 - within))
}
