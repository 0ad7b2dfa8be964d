/** Judges a mail again: by the new configuration, and by the one in use where there is another. Nothing is done with the answers. */
import type { Finding, Log, Verdict } from '../../../api/index.js'
import { verdictOf } from '../../../pipeline/findings.js'
import { askForEvidence, askOpinions, findVerdict } from '../../../pipeline/judging.js'
import type { Pipeline } from '../../../pipeline/pipeline.js'
import type { Rehearsal } from '../../rehearsal.js'
import { changedBy, type Differences, differencesOf, type Elsewhere, foundAgain } from './compare.js'
import { type Fate, fateOf } from './fate.js'
import type { Recorded, Replayed } from './mail.js'

export interface Judged {
  readonly mail: Replayed
  readonly before: Judgement
  readonly after: Judgement
  readonly differences: Differences
}

export interface Judgement extends Verdict {
  /** In the order of the recipients. */
  readonly fates: readonly Fate[]
}

export interface Judges {
  /** The configuration that is tried. */
  readonly next: Judge
  /** The configuration in use. */
  readonly inUse?: Judge
}

export class Judge {
  readonly #pipeline: Pipeline
  readonly #rehearsal: Rehearsal
  readonly #scope: { readonly signal: AbortSignal; readonly log: Log }

  constructor(pipeline: Pipeline, rehearsal: Rehearsal, log: Log) {
    this.#pipeline = pipeline
    this.#rehearsal = rehearsal
    this.#scope = { signal: new AbortController().signal, log }
  }

  /** Plugins whose evidence cannot be had again: it speaks of what had happened before. */
  get kept(): readonly string[] {
    const scoring = new Set(this.#pipeline.order('score').map(({ plugin }) => plugin))
    return [...this.#rehearsal.historic].filter(plugin => scoring.has(plugin)).sort()
  }

  get elsewhere(): Elsewhere {
    return this.#rehearsal
  }

  /** What is asked from here on is asked as if it were inUse. */
  begin({ at }: Replayed): void {
    this.#rehearsal.setTime(at)
  }

  verdict({ heard }: Replayed): Promise<Verdict> {
    return findVerdict(this.#pipeline, heard, this.#scope)
  }

  score({ heard }: Replayed): Promise<readonly Finding[]> {
    return askForEvidence(this.#pipeline, 'score', heard, this.#scope)
  }

  weigh({ heard }: Replayed, findings: readonly Finding[]): Promise<readonly Finding[]> {
    return askForEvidence(this.#pipeline, 'weigh', { ...heard, verdict: verdictOf(findings) }, this.#scope)
  }

  async fates({ heard, recipients }: Replayed, verdict: Verdict): Promise<readonly Fate[]> {
    const parts = { pipeline: this.#pipeline, clock: this.#rehearsal.clock }
    const routed = recipients.map(recipient => ({ recipient }))
    return (await askOpinions(parts, { ...heard, routed }, verdict, this.#scope)).map(fateOf)
  }
}

export async function judgeAgain(mail: Replayed, judges: Judges): Promise<Judged> {
  const { next, inUse } = judges
  for (const judge of [next, inUse]) judge?.begin(mail)
  const before = await wasJudged(mail, judges)
  const verdict = mail.recorded === undefined ? await next.verdict(mail) : await projected(mail, mail.recorded, judges)
  const after = { ...verdict, fates: await next.fates(mail, verdict) }
  const differences = differencesOf(before.findings, after.findings)
  if (mail.recorded === undefined || inUse !== undefined) return { mail, before, after, differences }
  // What another plugin than one that measures sums had decided then cannot be asked for again offline.
  const fates = after.fates.map((fate, i) =>
    isMild(fate) && mail.recorded!.others[i] === true ? before.fates[i]! : fate,
  )
  return { mail, before, after: { ...after, fates }, differences }
}

/** Of a recorded mail the evidence is that of the record; what it leads to is asked of the configuration in use, if it is there. */
async function wasJudged(mail: Replayed, { inUse }: Judges): Promise<Judgement> {
  const { recorded } = mail
  if (inUse === undefined) return recorded!
  const verdict = recorded ?? (await inUse.verdict(mail))
  return { findings: verdict.findings, sum: verdict.sum, fates: await inUse.fates(mail, verdict) }
}

/** What the new configuration would have found at the time. */
async function projected(mail: Replayed, recorded: Recorded, { next, inUse }: Judges): Promise<Verdict> {
  if (!recorded.whole) return recorded
  const scored = recorded.findings.filter(({ weighed }) => weighed !== true)
  const after = await next.score(mail)
  const evidence =
    inUse === undefined ? foundAgain(scored, after, next.elsewhere) : changedBy(scored, await inUse.score(mail), after)
  return verdictOf([...evidence, ...(await next.weigh(mail, evidence))])
}

function isMild(fate: Fate): boolean {
  return fate === 'none' || fate === 'greylist' || fate === 'header'
}
