/**
 * `npm run bench -- ratios`: the short fixed set that CI holds (set.ts). Ours and a reference take turns with a fixed amount of work, and of each side the turn counts
 * that cost least. A figure beyond its limit is measured once more, on a fresh server, before it is believed. Ends with 1 when one stays beyond.
 */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Arguments, readArguments } from '../lib/args.js'
import { type Round, share } from '../lib/figures.js'
import { buildFlushCounter } from '../lib/flush.js'
import { onInterruption } from '../lib/interrupted.js'
import type { LoopQuestions } from '../lib/loop.js'
import { machineOf, machineText } from '../lib/machine.js'
import { countOf, oneOf, parseOptions, Wrong } from '../lib/options.js'
import { Part } from '../lib/part.js'
import { caseName } from '../lib/results.js'
import { measure } from '../lib/runner.js'
import { type Scenario, Setting, type Side } from '../lib/scenario.js'
import { figure } from '../lib/table.js'
import { SCENARIOS } from '../scenarios/index.js'
import { isWithin, type Outcome, outcomeOf, tableOfOutcomes } from './held.js'
import { HELD, type Held } from './set.js'

const HELP = `npm run bench -- ratios [SCENARIO…] [--folder DIR] [--minutes 12]

  what is held stands in bench/ratios/set.ts; all of it takes some four minutes on a quiet machine. What has not begun after --minutes is not measured, and said.
`
/** So many turns of the work go before, as Node.js compiles what is used often. */
const WARM_TURNS = 3
/** Of a turn that has no other end; and the bound of those that have one. */
const SECONDS = 1
const MOST_SECONDS = 240

const say = (text: string): void => void process.stderr.write(text)
let setting: Setting | undefined
let tools: string | undefined

async function main(): Promise<number> {
  const { values, positionals } = parseOptions({
    allowPositionals: true,
    options: { folder: { type: 'string' }, minutes: { type: 'string', default: '12' }, help: { type: 'boolean' } },
  })
  if (values.help === true) {
    process.stdout.write(HELP)
    return 0
  }
  const names = [...new Set(HELD.map(one => one.case.scenario))]
  const scenarios = positionals.map(oneOf('what is held', names))
  const minutes = countOf('--minutes', 1, 1000)(values.minutes)
  const folder = values.folder ?? tmpdir()
  say(`${machineText(machineOf(folder))}\n`)
  tools = mkdtempSync(join(folder, 'posthouse-bench-tools-'))
  try {
    const outcomes: Outcome[] = []
    const wanted = HELD.filter(one => scenarios.length === 0 || scenarios.includes(one.case.scenario))
    const untilMs = performance.now() + minutes * 60_000
    for (const held of wanted) {
      if (performance.now() > untilMs) {
        outcomes.push({ held, errors: [] })
        continue
      }
      const first = await outcome(held, folder, tools)
      outcomes.push(isWithin(first) ? first : await outcome(held, folder, tools))
    }
    process.stdout.write(tableOfOutcomes(outcomes))
    return outcomes.every(isWithin) ? 0 : 1
  } finally {
    await removeTools()
  }
}

async function removeTools(): Promise<void> {
  if (tools !== undefined) await rm(tools, { recursive: true, force: true })
}

async function outcome(held: Held, folder: string, tools: string): Promise<Outcome> {
  const scenario = SCENARIOS.find(({ name }) => name === held.case.scenario)!
  setting = new Setting(argumentsOf(held, folder), buildFlushCounter(tools))
  try {
    const { ours, reference } = await sides(scenario, held, setting)
    const rounds: Readonly<Record<'ours' | 'reference', Round[]>> = { ours: [], reference: [] }
    // What is judged when it is fresh is not warmed up.
    const warm = scenario.cold === true ? 0 : WARM_TURNS
    for (let turn = -warm; turn < held.turns; turn++) {
      const [own, other] = [await once(ours, held), reference && (await once(reference, held))]
      if (turn < 0) continue
      rounds.ours.push(own)
      if (other !== undefined) rounds.reference.push(other)
    }
    const result = outcomeOf(held, rounds.ours, rounds.reference)
    const costs = [rounds.ours, rounds.reference].map(list => list.map(costOf).join(' '))
    say(
      `${caseName(held.case)}: ${figure(result.value)}, at most ${figure(held.limit)} (CPU ms: ${costs.join('; reference ')})\n`,
    )
    return result
  } finally {
    await setting.end()
  }
}

function costOf({ load, usage }: Round): string {
  return figure(share(usage.cpuMs, load.messages))
}

function once(side: Side, held: Held): Promise<Round> {
  const timed = held.case.scenario === 'imap-fetch' || held.against === 'loop'
  return measure(side, held.case, timed ? SECONDS : MOST_SECONDS)
}

async function sides(
  scenario: Scenario,
  held: Held,
  stageSetting: Setting,
): Promise<{ readonly ours: Side; readonly reference?: Side | undefined }> {
  const stage = await scenario.open(held.case.variant, [held.case], stageSetting)
  if (held.against === undefined) return held.what === 'cpu' ? stage : { ours: stage.ours }
  const part = stageSetting.keep(new Part<LoopQuestions>('loop'), one => one.end())
  return { ours: stage.ours, reference: { group: part.group, drive: (_case, seconds) => part.ask({ seconds }) } }
}

function argumentsOf({ messages }: Held, folder: string): Arguments {
  const wish = readArguments(['--messages', String(messages), '--folder', folder], [])
  if (wish.kind !== 'run') throw new Error('a command line of our own was refused')
  return wish.args
}

// Twice: what was just being started has put itself there meanwhile.
onInterruption(async () => {
  await setting?.end()
  await setting?.end()
  await removeTools()
})

main().then(
  code => {
    process.exitCode = code
  },
  error => {
    say(`\n${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = error instanceof Wrong ? 2 : 1
  },
)
