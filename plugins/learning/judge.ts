/**
 * What the classifier makes of a mail: the starting model, what was taught here, and what its only recipient has taught. The three are one sum of
 * logarithms of odds; the starting model fades as the site gets experience of its own, and what the sum may weigh grows with it.
 */
import { printable } from 'posthouse/text'
import type { Taught } from './journal.js'
import type { StartingModel } from './model.js'
import { CALLED } from './tokens/kinds.js'
import type { Tokens } from './tokens/sink.js'
import type { Name } from './tokens/tokens.js'
import { type TaughtWeights, valuesOf } from './weights.js'

/** So much experience makes the starting model count half. */
const FADES_AT = 150
/** So much makes what was taught count half of what it may. */
const TRUSTED_AT = 100

export interface Sources {
  readonly model: StartingModel
  readonly site: TaughtWeights
  readonly siteTaught: Taught
  /** Of the only recipient. */
  readonly own?: TaughtWeights
  readonly ownTaught?: Taught
}

export interface Judgement {
  /** Logarithm of the odds that it is spam. */
  readonly sum: number
  /** 0 … 1: how much experience is behind it. */
  readonly trust: number
  /** What is left of the starting model, 1 … 0. */
  readonly model: number
}

/** The scarcer of the two counts: who has only ever seen spam knows nothing of ham. */
export function experienceOf(...all: readonly (Taught | undefined)[]): number {
  const sum = (label: keyof Taught) => all.reduce((total, taught) => total + (taught?.[label] ?? 0), 0)
  return 2 * Math.min(sum('spam'), sum('ham'))
}

export function judge(tokens: Tokens, { model, site, siteTaught, own, ownTaught }: Sources): Judgement {
  const experience = experienceOf(siteTaught, ownTaught)
  const left = FADES_AT / (FADES_AT + experience)
  const sum = left * model.sum(tokens) + site.sum(tokens) + (own?.sum(tokens) ?? 0)
  return { sum, trust: experience / (experience + TRUSTED_AT), model: left }
}

export function probabilityOf(sum: number): number {
  return 1 / (1 + Math.exp(-sum))
}

export interface Most {
  readonly spam: number
  readonly ham: number
}

/** What points may be at no experience and at all of it. */
export interface Bounds {
  readonly untaught: Most
  readonly taught: Most
}

/** How fast points come near their bound. */
const REACHES = 1.5
/** Below that it says nothing. */
const LEAST = 0.1

export function pointsOf({ sum, trust }: Judgement, { untaught, taught }: Bounds): number {
  const side = sum > 0 ? 'spam' : 'ham'
  const most = untaught[side] + (taught[side] - untaught[side]) * trust
  const points = most * (1 - Math.exp(-Math.abs(sum) / REACHES))
  return Math.abs(points) < LEAST ? 0 : Math.round(points * 100) / 100
}

export interface Speaking {
  readonly token: number
  /** For spam when above 0. */
  readonly weight: number
}

/** Those that moved the sum most, either way, loudest first. */
export function loudest(
  tokens: Tokens,
  { model, site, own }: Sources,
  left: number,
  most: number,
): readonly Speaking[] {
  const all: Speaking[] = []
  for (const [at, value] of valuesOf(tokens).entries()) {
    for (const token of tokens[at]!) {
      const weight = value * (left * model.of(at, token) + site.of(token) + (own?.of(token) ?? 0))
      if (weight !== 0) all.push({ token, weight })
    }
  }
  all.sort((a, b) => b.weight - a.weight)
  const against = all.filter(({ weight }) => weight < 0)
  return [...all.filter(({ weight }) => weight > 0).slice(0, most), ...against.slice(-most).reverse()]
}

/** For people: `“act now”`, `letters “prof”`, `link asks`. */
export function called({ kind, text }: Name): string {
  const shown = printable(text.trim(), 40)
  const quoted = kind === 'word' || kind === 'pair' || kind === 'letters' || kind === 'name'
  return `${CALLED[kind]}${quoted ? `“${shown}”` : shown}`
}
