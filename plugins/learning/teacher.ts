/**
 * Teaching: how much a mail has to count so that the sum gives it its label with a margin. This is dual coordinate ascent on a linear classifier with
 * hinge loss: each mail has one number between 0 and a bound, so nothing taught moves any verdict further than that bound (a mail's length is at most 1).
 */
import type { Clock } from 'posthouse/api'
import { type By, keyOf, type Label, prefixOf, SITE, type Standing, thousandths } from './entry.js'
import { EXPERIENCE_OF_ONE, type Journal } from './journal.js'
import { experienceOf, fairnessOf, type Judgement, judge, leftOfModel, type Sources } from './judge.js'
import type { StartingModel } from './model.js'
import { inSomeOrder } from './order.js'
import { type Owed, settle } from './owed.js'
import { OWN_SIZE } from './own-weights.js'
import { before, lessonsOf, type Run, runOf } from './runs.js'
import type { Tokens } from './tokens/sink.js'
import { lengthOf, type TaughtWeights } from './weights.js'

/** What a taught mail is given: odds of fifty to one … */
const MARGIN = 4
/**
 * … and spam more at first: the model knows most of it already, and little of this site's ham, so that ham alone would count, and what all mail of the site
 * has, its hosts above all, would speak for ham.
 */
const MORE_FOR_SPAM = 2
/** At so much experience that is half. */
const MORE_HALVES_AT = 100
/** The most that one mail counts. */
const MOST_OF_SITE = 20
const MOST_OF_ACCOUNT = 8
/** The most of it that counts for others than its teacher, and of all that one account teaches. */
export const MOST_SHARED = 2
export const MOST_SHARED_IN_ALL = 10
/** The rarer label counts more, up to so much. */
const MOST_BALANCE = 3
/** Smaller changes are not worth a write. */
const LEAST_CHANGE = 0.05
/** Written together. */
const PIECE = 100
/** Anchors are looked at again once so much of all that was taught has changed, or of what the account has taught: it takes 15 to 40 ms. */
const SETTLED = 0.01
const SETTLED_OF_ACCOUNT = 0.05
/** Lessons are gone over so often at most … */
const MOST_ROUNDS = 5
/** … and no more once so few of them count differently. */
const AGREED = 0.1

export interface Lesson {
  readonly who: string
  readonly label: Label
  readonly by: By
  readonly tokens: Tokens
  readonly print: string
}

export type Learned =
  | { readonly kind: 'known' }
  | { readonly kind: 'learned' | 'changed'; readonly before: Judgement; readonly after: Judgement }

export interface TeacherParts {
  readonly journal: Journal
  readonly model: StartingModel
  readonly clock: Clock
}

/** What keeps the anchors in place, and after which change of the journal that was so. */
interface Kept {
  readonly changes: number
  readonly changesOfOwn: number
  readonly takenBack: number
  readonly weights: TaughtWeights | undefined
}

export class Teacher {
  readonly #parts: TeacherParts
  /** By what was taught: of the site, or of an account beside it. */
  readonly #kept = new WeakMap<TaughtWeights, Kept>()

  constructor(parts: TeacherParts) {
    this.#parts = parts
  }

  async sources(account?: string): Promise<Sources> {
    const { journal, model } = this.#parts
    await journal.ready()
    const site = { model, site: journal.weights, siteTaught: journal.siteTaught() }
    const { spam, ham } = account === undefined ? { spam: 0, ham: 0 } : journal.taughtBy(account)
    if (account === undefined || spam + ham === 0) return { ...site, kept: this.#keptBeside(site) }
    const all = { ...site, own: await journal.own(account), ownTaught: this.#ownTaught(account) }
    return { ...all, kept: this.#keptBeside(all, { changes: journal.changesBy(account), lessons: spam + ham }) }
  }

  #keptBeside(
    { model, site, siteTaught, own, ownTaught }: Sources,
    ofOwn: { readonly changes: number; readonly lessons: number } = { changes: 0, lessons: 0 },
  ): TaughtWeights | undefined {
    const { changes, takenBack } = this.#parts.journal
    const { spam, ham } = this.#parts.journal.counts()
    const known = this.#kept.get(own ?? site)
    const settled =
      known !== undefined &&
      changes - known.changes <= SETTLED * (spam + ham) &&
      ofOwn.changes - known.changesOfOwn <= SETTLED_OF_ACCOUNT * ofOwn.lessons
    // A lesson that goes leaves nothing behind, here either.
    if (settled && known.takenBack === takenBack) return known.weights
    const fair = fairnessOf(siteTaught, ownTaught)
    const left = leftOfModel(experienceOf(siteTaught, ownTaught))
    const taught = (tokens: Tokens) => fair * (site.sum(tokens) + (own?.sum(tokens) ?? 0))
    const weights = spam + ham === 0 ? undefined : model.anchors.correction(left, taught, own && OWN_SIZE)
    this.#kept.set(own ?? site, { changes, changesOfOwn: ofOwn.changes, takenBack, weights })
    return weights
  }

  /** What of it does not already count for the site. */
  #ownTaught(account: string) {
    const { spam, ham } = this.#parts.journal.taughtBy(account)
    return { spam: Math.max(0, spam - EXPERIENCE_OF_ONE), ham: Math.max(0, ham - EXPERIENCE_OF_ONE) }
  }

  async judge(tokens: Tokens, account?: string): Promise<Judgement> {
    return judge(tokens, await this.sources(account))
  }

  /** `later`: it is counted, and on disk once the journal is flushed. */
  async learn(lesson: Lesson, when: 'now' | 'later' = 'now'): Promise<Learned> {
    const { journal, clock } = this.#parts
    // What an account may still say to all depends on what other workers have heard from it.
    await (when === 'now' ? journal.follow() : journal.ready())
    const { who, label, by, print } = lesson
    const account = who === SITE ? undefined : who
    const key = keyOf(who, print)
    const standing = journal.standing(key)
    if (standing?.label === label) return { kind: 'known' }
    // The same mail may have come another way, with other hosts in it. Others take away what this key has added, so that stays as it is.
    const tokens = (journal.isKept(key) ? await journal.row(key) : undefined)?.tokens ?? lesson.tokens
    const before = await this.judge(tokens, account)
    if (standing !== undefined) await this.forget(who, print, 'later')
    const judged = standing === undefined ? before : await this.judge(tokens, account)
    const amount = this.#step(label, judged.full, tokens, who, 0)
    const counted = this.#parted(who, amount)
    journal.stage(key, { label, by, at: clock.now(), tokens, ...counted })
    if (when === 'now') await journal.flush()
    return { kind: standing === undefined ? 'learned' : 'changed', before, after: await this.judge(tokens, account) }
  }

  /** Takes it back. Whether it was known. */
  async forget(who: string, print: string, when: 'now' | 'later' = 'now'): Promise<boolean> {
    const { journal, clock } = this.#parts
    await journal.ready()
    const key = keyOf(who, print)
    const entry = await journal.entry(key)
    if (entry === undefined) return false
    journal.stage(key, { ...entry, own: 0, shared: 0, goneAt: clock.now() })
    if (when === 'now') await journal.flush()
    return true
  }

  /** How much it should count now, when it counts `old`. */
  #step(label: Label, sum: number, tokens: Tokens, who: string, old: number): number {
    const { spam, ham } = this.#parts.journal.counts()
    const balance = (spam + ham + 2) / (2 * ((label === 'spam' ? spam : ham) + 1))
    const most =
      (who === SITE ? MOST_OF_SITE : MOST_OF_ACCOUNT) * Math.min(MOST_BALANCE, Math.max(1 / MOST_BALANCE, balance))
    const more = (MORE_FOR_SPAM * MORE_HALVES_AT) / (MORE_HALVES_AT + experienceOf({ spam, ham }))
    const missing = label === 'spam' ? MARGIN + more - sum : MARGIN + sum
    return Math.min(most, Math.max(0, old + missing / Math.max(0.05, lengthOf(tokens))))
  }

  /** The site's own counts for all; an account's half, within its bounds, and the rest for itself. `before`: what it counted for all so far, thousandths. */
  #parted(who: string, amount: number, before = 0): Pick<Standing, 'own' | 'shared'> {
    if (who === SITE) return { own: 0, shared: thousandths(amount) }
    const left = MOST_SHARED_IN_ALL - (this.#parts.journal.sharedBy(who) - before) / 1000
    const shared = Math.max(0, Math.min(amount / 2, MOST_SHARED, left))
    return { own: thousandths(amount) - thousandths(shared), shared: thousandths(shared) }
  }

  /** Two workers that taught for one account at the same time have each granted it all. */
  #hasTooMuch(who: string): boolean {
    return who !== SITE && this.#parts.journal.sharedBy(who) > thousandths(MOST_SHARED_IN_ALL)
  }

  /**
   * Goes over what was taught, until lessons agree: mails that were learned early have not seen what came later, and whoever has all spam learned and then all
   * ham needs it. `most`: so many lessons, of both labels, the newest. `told` hears of each round how many count differently. What others teach meanwhile
   * is heard before each round: of two who teach at once the last goes over the lessons of both. `begun` remembers what they counted before.
   */
  async refine(
    most: number,
    who = SITE,
    told: (changed: number, of: number) => void = () => undefined,
    begun?: Run,
  ): Promise<void> {
    const { journal } = this.#parts
    const run = begun ?? (await this.run(who))
    for (let round = 1; round <= MOST_ROUNDS; round++) {
      await journal.follow()
      const keys = journal.newestOfBoth(most, prefixOf(who))
      const changed = await this.#goOver(inSomeOrder(keys, round), who, run)
      told(changed, keys.length)
      if (changed <= AGREED * keys.length) return
    }
  }

  /** How many count differently now. */
  async #goOver(keys: readonly string[], who: string, run: Run): Promise<number> {
    const { journal } = this.#parts
    let changed = 0
    for (let at = 0; at < keys.length; at += PIECE) {
      const taken = await journal.take(keys.slice(at, at + PIECE))
      for (const [key, entry] of taken) {
        const { label, tokens, own, shared } = entry
        const old = (own + shared) / 1000
        const { full } = await this.judge(tokens, who === SITE ? undefined : who)
        const amount = this.#step(label, full, tokens, who, old)
        if (Math.abs(amount - old) < LEAST_CHANGE && !this.#hasTooMuch(who)) continue
        journal.stage(key, { ...entry, ...this.#parted(who, amount, shared) })
        changed++
      }
      await journal.giveWay(taken)
      journal.stageBeside(await run.noting(new Map([...taken].filter(([key]) => journal.isStaged(key)))))
      await journal.flush()
    }
    return changed
  }

  /** Of lessons that begin now, or of those that are owed. */
  async run(who: string): Promise<Run> {
    await this.#parts.journal.ready()
    return runOf(this.#parts, who)
  }

  /**
   * Where exactly those lessons are left that were there before a run, each counts again what it counted then, and nothing is owed. Whether that was so; if not,
   * `refine` is what brings the others to what they should count.
   */
  async putBack(who: string, owed: readonly Owed[]): Promise<boolean> {
    const { journal } = this.#parts
    await journal.follow()
    const earlier = await before(journal.table, who, lessonsOf(journal, who))
    if (earlier === undefined) return false
    const keys = [...earlier.amounts.keys()]
    for (let at = 0; at < keys.length; at += PIECE) {
      const taken = await journal.take(keys.slice(at, at + PIECE))
      for (const [key, entry] of taken) journal.stage(key, { ...entry, ...earlier.amounts.get(key)! })
      await journal.giveWay(taken)
      await journal.flush()
    }
    // Before it is forgotten: nobody shall go over what counts again as it did.
    await settle(journal.table, owed)
    await earlier.forget()
    return true
  }
}
