/**
 * `rules stats`: what each rule does to good mail and to spam. A rule is judged by what it finds, by what it decides (mail that would be on the other
 * side of the line without it), by which others find the same, and by whether it finds anything at all.
 */
import { CommandError, type CommandOption, type CommandRun, readMailFile } from 'posthouse/api'
import { findingsOf, type RuleSet } from './evaluate.js'
import type { FactsOf } from './example-asked.js'
import { Progress } from './progress.js'
import { JUNK_LINE, pointsOf } from './rule.js'
import { filesIn, sumOf, thresholdOf } from './try.js'

export const STATS_OPTIONS: Readonly<Record<string, CommandOption>> = {
  ham: { type: 'string', value: 'PATH', description: 'good mail: a folder, a file, or @FILE with a path on each line' },
  spam: { type: 'string', value: 'PATH', description: 'spam, likewise' },
  threshold: { type: 'string', value: 'POINTS', description: `what counts as spam; default ${JUNK_LINE}` },
}

export interface RuleCount {
  readonly name: string
  readonly points: number
  readonly group?: string
  /** It is only tried out. */
  readonly shadow?: boolean
  readonly ham: number
  readonly spam: number
  /** Mails that only this rule brings over the line. */
  readonly decidesHam: number
  readonly decidesSpam: number
}

export interface Overlap {
  readonly one: string
  readonly other: string
  readonly both: number
  /** Of the mails that either finds, how many both find; per cent. */
  readonly percent: number
}

export interface Stats {
  readonly threshold: number
  readonly ham: Side
  readonly spam: Side
  readonly rules: readonly RuleCount[]
  readonly overlaps: readonly Overlap[]
  /** Rules that found nothing. */
  readonly dead: readonly string[]
}

export interface Side {
  readonly mails: number
  readonly over: number
}

type Label = 'ham' | 'spam'

const LEAST_BOTH = 10
const LEAST_PERCENT = 70
const MAX_OVERLAPS = 200

export async function stats(set: RuleSet, factsOf: FactsOf, run: CommandRun): Promise<void> {
  const threshold = thresholdOf(run)
  const paths = { ham: pathOf(run, 'ham'), spam: pathOf(run, 'spam') }
  const counting = new Counting(set, threshold)
  const progress = new Progress('mails')
  let done = 0
  for (const label of ['ham', 'spam'] as const) {
    for await (const file of filesIn([paths[label]])) {
      await counting.add(label, factsOf, await readMailFile(file))
      progress.at(++done, Date.now())
    }
  }
  progress.over()
  const counted = counting.result()
  if (run.json) run.print(JSON.stringify(counted, null, 2))
  else print(run, counted)
}

function pathOf(run: CommandRun, label: Label): string {
  const path = run.options[label]
  if (typeof path === 'string') return path
  throw new CommandError(`--${label} is missing: a folder of ${label === 'ham' ? 'good mail' : 'spam'}`, 2)
}

class Counting {
  readonly #set: RuleSet
  readonly #threshold: number
  readonly #sides = { ham: { mails: 0, over: 0 }, spam: { mails: 0, over: 0 } }
  readonly #counts: Map<string, { ham: number; spam: number; decidesHam: number; decidesSpam: number }>
  /** `one other` → how many mails both have found. */
  readonly #both = new Map<string, number>()

  constructor(set: RuleSet, threshold: number) {
    this.#set = set
    this.#threshold = threshold
    this.#counts = new Map(set.rules.map(({ name }) => [name, { ham: 0, spam: 0, decidesHam: 0, decidesSpam: 0 }]))
  }

  async add(label: Label, factsOf: FactsOf, bytes: Buffer): Promise<void> {
    const judged = await this.#set.judge(await factsOf(bytes))
    const hits = judged.hits.filter(({ outcome }) => outcome.kind === 'found')
    const sum = sumOf(judged.findings)
    const side = this.#sides[label]
    side.mails++
    if (sum >= this.#threshold) side.over++
    const names = hits.map(({ rule }) => rule.name).sort()
    const points = new Map(findingsOf(hits).map(finding => [finding.name, finding.points]))
    for (const [at, name] of names.entries()) {
      const count = this.#counts.get(name)!
      count[label]++
      const decides = sum >= this.#threshold && sum - (points.get(name) ?? 0) < this.#threshold
      if (decides) count[label === 'ham' ? 'decidesHam' : 'decidesSpam']++
      for (const other of names.slice(at + 1)) {
        const pair = `${name} ${other}`
        this.#both.set(pair, (this.#both.get(pair) ?? 0) + 1)
      }
    }
  }

  result(): Stats {
    const rules = this.#set.rules.map(rule => ({
      name: rule.name,
      points: pointsOf(rule),
      ...(rule.group !== undefined && { group: rule.group }),
      ...(rule.shadow && { shadow: true }),
      ...this.#counts.get(rule.name)!,
    }))
    return {
      threshold: this.#threshold,
      ...this.#sides,
      rules: rules.sort((a, b) => b.spam - a.spam || b.ham - a.ham),
      overlaps: this.#overlaps(),
      dead: rules.filter(({ ham, spam }) => ham + spam === 0).map(({ name }) => name),
    }
  }

  #overlaps(): readonly Overlap[] {
    const found = (name: string) => this.#counts.get(name)!.ham + this.#counts.get(name)!.spam
    const overlaps: Overlap[] = []
    for (const [pair, both] of this.#both) {
      const [one = '', other = ''] = pair.split(' ')
      const percent = Math.round((100 * both) / (found(one) + found(other) - both))
      if (both >= LEAST_BOTH && percent >= LEAST_PERCENT) overlaps.push({ one, other, both, percent })
    }
    return overlaps.sort((a, b) => b.percent - a.percent || b.both - a.both).slice(0, MAX_OVERLAPS)
  }
}

function print(run: CommandRun, { threshold, ham, spam, rules, overlaps, dead }: Stats): void {
  run.print(`ham: ${ham.over} of ${ham.mails} (${share(ham.over, ham.mails)} %) have ${threshold} points or more`)
  run.print(`spam: ${spam.over} of ${spam.mails} (${share(spam.over, spam.mails)} %)`)
  run.print('')
  run.print('points     ham   ham %    spam  spam %  decides ham/spam  rule')
  for (const rule of rules) {
    if (rule.ham + rule.spam === 0) continue
    const cells = [
      (rule.shadow ? `(${rule.points.toFixed(1)})` : rule.points.toFixed(1)).padStart(6),
      String(rule.ham).padStart(7),
      share(rule.ham, ham.mails).padStart(7),
      String(rule.spam).padStart(7),
      share(rule.spam, spam.mails).padStart(7),
      `${rule.decidesHam}/${rule.decidesSpam}`.padStart(17),
      ` ${rule.name}`,
    ]
    run.print(cells.join(' '))
  }
  if (overlaps.length > 0) run.print('')
  for (const { one, other, both, percent } of overlaps)
    run.print(`overlap: ${one} and ${other} find the same ${percent} % of the time (${both} mails)`)
  if (dead.length > 0) run.print('')
  for (const name of dead) run.print(`finds nothing here: ${name}`)
}

function share(part: number, whole: number): string {
  return whole === 0 ? '-' : ((100 * part) / whole).toFixed(2)
}
