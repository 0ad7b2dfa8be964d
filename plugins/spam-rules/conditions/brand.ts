/**
 * `brand`: a message speaks as one of the brands that phishing borrows (origin/brands.ts), or comes in the name of one, and what it links to is somebody
 * else's. Display names and hosts that are made to be taken for those of a brand are the matter of the plugin look-alikes.
 */
import { organisationOf } from 'posthouse/text'
import type { Facts } from '../facts.js'
import { claimsIn, isOf } from '../origin/brands.js'
import { found, type Kind, type Outcome } from './kind.js'

const BRAND_TESTS = ['claimed-elsewhere', 'claimed-by-stranger', 'lent-sender'] as const
type BrandTest = (typeof BRAND_TESTS)[number]
type RawBrandTest = { readonly brand: BrandTest }

const MOST_SHOWN = 3

export const brand: Kind<BrandTest, RawBrandTest> = {
  name: 'brand',
  cost: 3,
  key: { type: 'string', enum: BRAND_TESTS, description: 'test on a brand that the message speaks as' },
  companions: {},
  read: ({ brand: test }) => test,
  prepare: () => ({ bind: test => TESTS[test] }),
}

const TESTS: Readonly<Record<BrandTest, (facts: Facts) => Outcome>> = {
  /** Neither sender nor any link is the brand's, nor do all links stay with the sender. */
  'claimed-elsewhere': facts => {
    if (isOfOneHouse(facts)) return undefined
    for (const { brand: claimed, said } of claimsIn(facts)) {
      if (isSentBy(facts, claimed) || facts.hosts.some(({ name }) => isOf(claimed, name))) continue
      const shown = facts.hosts.slice(0, MOST_SHOWN).map(({ name }) => name)
      return claim(facts, said, [claimed.title, ...(shown.length === 0 ? [] : [`links to ${shown.join(', ')}`])])
    }
    return undefined
  },

  /** The sender is not the brand's; some link may be, for show. */
  'claimed-by-stranger': facts => {
    if (isOfOneHouse(facts)) return undefined
    const claimed = claimsIn(facts).find(({ brand: one }) => !isSentBy(facts, one))
    return claimed && claim(facts, claimed.said, [claimed.brand.title])
  },

  /** From is the brand's own, and all links lead elsewhere. */
  'lent-sender': facts => {
    const owner = facts.from === undefined ? undefined : facts.brands.ownerOf(facts.from.domain)
    if (owner === undefined || facts.hosts.length === 0) return undefined
    if (facts.hosts.some(({ name }) => isOf(owner, name))) return undefined
    return found(`From is ${owner.title}'s, links lead to ${facts.hosts[0]!.name}`)
  },
}

function claim(facts: Facts, said: string, evidence: readonly string[]): Outcome {
  return { ...found(`"${said}" from ${senderOf(facts)}`), evidence }
}

type ClaimedBrand = Parameters<typeof isOf>[0]

/** Of what is passed on, its author counts. */
function isSentBy({ from, forwarded }: Facts, claimed: ClaimedBrand): boolean {
  const author = forwarded ?? from
  return author !== undefined && isOf(claimed, author.domain)
}

/**
 * All links stay with whoever wrote it. Banks write so of "your Visa card", shops of "your PayPal payment", schools of "your Microsoft account", to customers
 * of their own; phishing has its address from one place and its page in another (52 of 53 in the train part).
 */
function isOfOneHouse({ from, forwarded, hosts }: Facts): boolean {
  const author = forwarded ?? from
  if (author === undefined || hosts.length === 0) return false
  const house = organisationOf(author.domain)
  return hosts.every(({ name }) => organisationOf(name) === house)
}

function senderOf({ from, forwarded }: Facts): string {
  return (forwarded ?? from)?.domain ?? 'nobody'
}
