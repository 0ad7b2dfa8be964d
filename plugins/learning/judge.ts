/**
 * What the classifier makes of a mail: the starting model, what was taught here, and what its only recipient has taught. The three are one sum of
 * logarithms of odds; the starting model fades as the site gets experience of its own, and what the sum may weigh grows with it.
 */
import { printable } from 'posthouse/text'
import type { Taught } from './journal.js'
import type { StartingModel } from './model.js'
import { CALLED } from './tokens/kinds.js'
import type { Name, Tokens } from './tokens/sink.js'
import { type TaughtWeights, valuesOf } from './weights.js'

/** So much experience makes the starting model count half. */
const FADES_AT = 600
/** So much makes what was taught count half of what it may. */
const TRUSTED_AT = 200

export interface Sources {
  readonly model: StartingModel
  readonly site: TaughtWeights
  readonly siteTaught: Taught
  /** Of the only recipient. */
  readonly own?: TaughtWeights
  readonly ownTaught?: Taught
  /** What keeps the anchors of the starting model where they were. */
  readonly kept?: TaughtWeights | undefined
}

export interface Judgement {
  /** Logarithm of the odds that it is spam. */
  readonly sum: number
  /** The same with what was taught in full: what further lessons build on. */
  readonly full: number
  /** 0 … 1: what is left of what was taught, which was mostly of one label. */
  readonly fair: number
  /** 0 … 1: how much experience is behind it. */
  readonly trust: number
  /** 0 … 1: how far lessons alone say that it is spam, or all that is known says so beyond doubt. */
  readonly insisted: number
  /** What is left of the starting model, 1 … 0. */
  readonly model: number
}

/** The scarcer of the two counts: who has only ever seen spam knows nothing of ham. */
export function experienceOf(...all: readonly (Taught | undefined)[]): number {
  const sum = (label: keyof Taught) => all.reduce((total, taught) => total + (taught?.[label] ?? 0), 0)
  return 2 * Math.min(sum('spam'), sum('ham'))
}

/** 1 … 0: how much of the starting model still counts. */
export function leftOfModel(experience: number): number {
  return FADES_AT / (FADES_AT + experience)
}

/** What follows the start of a long mail makes it so much less suspicious at most: it may be there for that. */
const MOST_EXCUSE = 1

/** Lessons are few beside what may come: what nobody has taught is judged so much milder once all trust is in them … */
export const CAUTION = 0.5
/** … and so much more for each unit of odds that the starting model, unfaded, is short of `SURE`: lessons of one house know few kinds of mail. */
const OF_DOUBT = 0.5
const SURE = 1.5
const MOST_DOUBT = 2

/** Odds (logarithm) by lessons alone at which experience begins to raise what mail may get for spam, and has raised it to the full … */
const INSISTED = [1.5, 3] as const
/** … and odds by all that is known. Lessons that have never seen a kind of ham say of it about what they say of all mail that is not like theirs. */
const BEYOND_DOUBT = [4, 5] as const

/** So many lessons of one label alone are heard in full. */
const ONE_SIDED = 10
/** So many of one label for one of the other are no matter. */
const EVEN = 4

/** Who is only ever shown spam sees it everywhere: lessons of one label have in common what all mail has. */
export function fairnessOf(...all: readonly (Taught | undefined)[]): number {
  const [spam, ham] = (['spam', 'ham'] as const).map(label =>
    all.reduce((total, taught) => total + (taught?.[label] ?? 0), 0),
  ) as [number, number]
  return Math.min(1, Math.sqrt((EVEN * Math.min(spam, ham) + ONE_SIDED) / Math.max(1, spam, ham)))
}

export function judge(tokens: Tokens, sources: Sources, starts: readonly Tokens[] = []): Judgement {
  const { model, site, siteTaught, own, ownTaught, kept } = sources
  const experience = experienceOf(siteTaught, ownTaught)
  const left = leftOfModel(experience)
  const fair = fairnessOf(siteTaught, ownTaught)
  const partsOf = (some: Tokens) => ({
    known: model.sum(some),
    kept: kept?.sum(some) ?? 0,
    taught: site.sum(some) + (own?.sum(some) ?? 0),
  })
  const whole = partsOf(tokens)
  const begun = starts.map(partsOf)
  const trust = experience / (experience + TRUSTED_AT)
  const oddsOf = (parts: typeof whole) => left * parts.known + parts.kept + fair * parts.taught
  const highest = (of: (parts: typeof whole) => number) =>
    Math.max(of(whole), ...begun.map(start => of(start) - MOST_EXCUSE))
  const sum = highest(oddsOf) - trust * (CAUTION + (model.isEmpty ? 0 : doubtOf(highest(({ known }) => known))))
  const byLessons = highest(({ kept: held, taught }) => held + fair * taught)
  const insisted = Math.max(between(byLessons, INSISTED), between(sum, BEYOND_DOUBT))
  return { sum, full: left * whole.known + whole.kept + whole.taught, fair, trust, insisted, model: left }
}

/** 0 … 1: how far it has come from one to the other. */
function between(value: number, [from, to]: readonly [number, number]): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)))
}

/** Of what is taught, where the starting model would not say so. */
function doubtOf(known: number): number {
  return OF_DOUBT * Math.min(MOST_DOUBT, Math.max(0, SURE - known))
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

/** How fast points come near their bound. Lessons aim at a margin, so their sums are larger. */
const REACHES = { untaught: 1.5, taught: 2.5 } as const
/** Below that it says nothing. */
const LEAST = 0.1

export function pointsOf({ sum, trust, insisted }: Judgement, { untaught, taught }: Bounds): number {
  const side = sum > 0 ? 'spam' : 'ham'
  const raised = side === 'spam' ? trust * insisted : trust
  const most = untaught[side] + (taught[side] - untaught[side]) * raised
  const reaches = REACHES.untaught + (REACHES.taught - REACHES.untaught) * raised
  const points = most * (1 - Math.exp(-Math.abs(sum) / reaches))
  return Math.abs(points) < LEAST ? 0 : Math.round(points * 100) / 100
}

export interface Speaking {
  /** Place of its kind in `KINDS`. */
  readonly at: number
  readonly token: number
  readonly weight: number
}

export interface Loudest {
  readonly spam: readonly Speaking[]
  readonly ham: readonly Speaking[]
}

/** Those that moved the sum most, either way, loudest first. */
export function loudest(tokens: Tokens, { model, site, own, kept }: Sources, judged: Judgement, most: number): Loudest {
  const spam: Speaking[] = []
  const ham: Speaking[] = []
  let [leastSpam, leastHam] = [0, 0]
  // Most sites have taught nothing, and of most tokens the model knows nothing.
  const isTaught = site.isUsed || own !== undefined || kept !== undefined
  for (const [at, value] of valuesOf(tokens).entries()) {
    const list = tokens[at]!
    for (let next = 0; next < list.length; next++) {
      const token = list[next]!
      const known = model.of(at, token)
      if (known === 0 && !isTaught) continue
      const taught = isTaught ? judged.fair * (site.of(token) + (own?.of(token) ?? 0)) : 0
      const weight = value * (judged.model * known + (kept?.of(token) ?? 0) + taught)
      if (weight > leastSpam) leastSpam = keep(spam, { at, token, weight }, most)
      else if (-weight > leastHam) leastHam = keep(ham, { at, token, weight: -weight }, most)
    }
  }
  return { spam, ham }
}

/** Into a list that stays sorted and short. Returns what a token has to weigh to come in. */
function keep(list: Speaking[], one: Speaking, most: number): number {
  let place = list.length
  while (place > 0 && list[place - 1]!.weight < one.weight) place--
  list.splice(place, 0, one)
  if (list.length > most) list.pop()
  return list.length < most ? 0 : list[most - 1]!.weight
}

/** For people: `"act now"`, `letters "prof"`, `link asks`. In ASCII as far as the mail is, since it goes into its header. */
export function called({ kind, text }: Name): string {
  const shown = printable(text.trim(), 40)
  const quoted = kind === 'word' || kind === 'pair' || kind === 'letters' || kind === 'name'
  return `${CALLED[kind]}${quoted ? `"${shown}"` : shown}`
}
