/**
 * Runs the cases of a stage: ours and the reference in turns, so that a noisy minute of the machine hits both, and reads what the
 * servers' processes used in each turn. Says on stderr what it is doing.
 */
import type { Arguments } from './args.js'
import { type Case, figuresOf, type Round, type Row, ratioOf, spreadOf } from './figures.js'
import type { Evidence } from './flush.js'
import type { Scenario, Setting, Side, Stage } from './scenario.js'
import { rate, sizeName } from './table.js'
import { readUsage, resetPeak, usageBetween } from './usage.js'

/** Turns of each side per case. */
const USUAL_ROUNDS = 3
/**
 * A fresh Node process needs some 5 s of load until its CPU per message stands still (0.63 ms to 0.33 for the file reference). With 1 s the
 * first case of every stage was compared with a cold reference, and looked up to three times too good.
 */
const WARM_UP_SECONDS = 5

/** All turns of a side together: below it a figure is of chance. */
const SHORT_SECONDS = 1

export type Say = (text: string) => void

/** All cases of one variant on a fresh stage. */
export async function runVariant(
  scenario: Scenario,
  cases: readonly Case[],
  setting: Setting,
  say: Say,
): Promise<Row[]> {
  const variant = cases[0]!.variant
  say(`${scenario.name} ${variant}: starting the server and the reference\n`)
  const stage = await scenario.open(variant, cases, setting)
  const durable = await stage.probe()
  say(`  durable: ${evidenceText(durable)}\n`)
  // The busiest case compiles the most code; a first case with one session would pay for all of it.
  const busiest = cases.reduce((most, one) => (one.sessions > most.sessions ? one : most))
  if (scenario.cold !== true) await warmUp(stage, busiest)
  const rows: Row[] = []
  for (const one of cases) {
    const which = scenario.oneStage === true ? `${one.variant}, ` : ''
    say(`  ${which}${one.sessions} session${one.sessions === 1 ? '' : 's'}, ${sizeName(one.size)}:`)
    const rounds = await turns(stage, one, scenario.rounds?.(one) ?? USUAL_ROUNDS, setting.args.seconds)
    const row = rowOf(one, rounds, durable)
    const remarks = [stage.remark?.(row), tooShort(row, setting.args)].filter(text => text !== undefined)
    const remark = remarks.length === 0 ? undefined : remarks.join('; ')
    const errors = row.ours.errors.length === 0 ? '' : ` ERRORS: ${row.ours.errors.join('; ')}`
    const beside = row.reference === undefined ? '' : `, reference ${rate(row.reference.messagesPerSecond)}/s`
    say(` ${rate(row.ours.messagesPerSecond)}/s${beside}${remark === undefined ? '' : `; ${remark}`}${errors}\n`)
    rows.push(remark === undefined ? row : { ...row, remark })
  }
  return rows
}

interface Rounds {
  readonly ours: readonly Round[]
  readonly reference: readonly Round[]
}

async function turns(stage: Stage, one: Case, count: number, seconds: number): Promise<Rounds> {
  const ours: Round[] = []
  const reference: Round[] = []
  for (let round = 0; round < count; round++) {
    ours.push(await measure(stage.ours, one, seconds / count))
    if (stage.reference !== undefined) reference.push(await measure(stage.reference, one, seconds / count))
  }
  return { ours, reference }
}

/** Both at once, as nothing is measured yet; but in turn where no message is sent, and the connections themselves are the load. */
async function warmUp({ ours, reference }: Stage, busiest: Case): Promise<void> {
  const sides = reference === undefined ? [ours] : [ours, reference]
  const warm = async (side: Side, seconds: number): Promise<void> => {
    await side.prepare?.(busiest, seconds)
    await side.drive(busiest, seconds)
  }
  if (busiest.size > 0) await Promise.all(sides.map(side => warm(side, WARM_UP_SECONDS)))
  else for (const side of sides) await warm(side, 1)
}

/** One turn of one side. */
export async function measure(side: Side, one: Case, seconds: number): Promise<Round> {
  await side.prepare?.(one, seconds)
  resetPeak(side.group)
  const before = readUsage(side.group)
  const flushesBefore = side.flushes?.read()
  const load = await side.drive(one, seconds)
  const usage = load.usage ?? usageBetween(before, readUsage(side.group))
  const flushes = side.flushes?.read()
  if (flushesBefore === undefined || flushes === undefined) return { load, usage }
  return {
    load,
    usage: {
      ...usage,
      flushes: flushes.calls - flushesBefore.calls,
      flushMs: flushes.ms - flushesBefore.ms,
      fileBytes: flushes.fileBytes - flushesBefore.fileBytes,
    },
  }
}

function rowOf(one: Case, { ours, reference: theirs }: Rounds, durable: Evidence): Row {
  const own = figuresOf(ours)
  if (theirs.length === 0) return { ...one, ours: own, durable }
  const reference = figuresOf(theirs)
  const ratio = ratioOf(own, reference, spreadOf(ours, theirs))
  return { ...one, ours: own, reference, ...(ratio === undefined ? {} : { ratio }), durable }
}

/** Of a run that was asked to be shorter than usual: that it is no measurement. */
export function tooShort(
  { ours }: Pick<Row, 'ours'>,
  { seconds, messages, mailbox }: Pick<Arguments, 'seconds' | 'messages' | 'mailbox'>,
): string | undefined {
  const asked = seconds < SHORT_SECONDS || messages !== undefined || mailbox !== undefined
  if (!asked || ours.elapsedMs >= SHORT_SECONDS * 1000) return undefined
  return `measured for ${(ours.elapsedMs / 1000).toFixed(2)} s, too short to mean more than that it works`
}

export function evidenceText(evidence: Evidence): string {
  const short = { durable: 'yes', 'not durable': 'NO', 'not checked': 'not checked', 'no writes': '-' }[evidence.kind]
  return `${short} (${evidence.why})`
}
