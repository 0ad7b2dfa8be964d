/**
 * `npm run bench`: runs scenarios against a server of its own and prints a table; progress goes to stderr, all figures to --json.
 * Ends with 1 when a case failed or an acknowledged message was not durable, with 2 when the command line is wrong.
 */
import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { COMMANDS, runCommand } from './commands.js'
import { type Arguments, HELP, readArguments } from './lib/args.js'
import type { Case, Row } from './lib/figures.js'
import { buildFlushCounter } from './lib/flush.js'
import { onInterruption } from './lib/interrupted.js'
import { machineOf, machineText } from './lib/machine.js'
import { Wrong } from './lib/options.js'
import { checkPlaces } from './lib/places.js'
import { findSmtpSource } from './lib/postfix-source.js'
import { writeResults } from './lib/results.js'
import { runVariant } from './lib/runner.js'
import { casesOf, type Scenario, Setting, variantsOf } from './lib/scenario.js'
import { tableOf } from './lib/table.js'
import { SCENARIOS } from './scenarios/index.js'

const say = (text: string): void => void process.stderr.write(text)
/** A program of its own does the work. */
let isCommand = false
/** Nothing new is begun. */
let isInterrupted = false
/** Undoes what is there right now: servers, folders. */
let cleanUp: () => Promise<void> = async () => undefined

async function main(): Promise<number> {
  const names = SCENARIOS.map(one => one.name)
  const [first = '', ...others] = process.argv.slice(2)
  const command = COMMANDS.get(first)
  if (command !== undefined) {
    // It hears of an interruption too, and this process waits for it.
    const running = runCommand(command, others)
    isCommand = true
    cleanUp = async () => void (await running)
    return running
  }
  const wish = readArguments(process.argv.slice(2), names, [...COMMANDS.keys()])
  switch (wish.kind) {
    case 'help':
      process.stdout.write(HELP)
      return 0
    case 'list':
      process.stdout.write(listText())
      return 0
    case 'wrong':
      say(`${wish.why}\nSee npm run bench -- --help\n`)
      return 2
    case 'run':
      return run(wish.args)
  }
}

function listText(): string {
  const line = (name: string, asks: string, variants: readonly string[] = []): string =>
    `  ${name.padEnd(16)}${asks}\n${variants.length > 1 ? `${' '.repeat(18)}variants: ${variants.join(', ')}\n` : ''}`
  const scenarios = (named: boolean): string =>
    SCENARIOS.filter(one => (one.onRequest === true) === named)
      .map(({ name, asks, variants }) => line(name, asks, variants))
      .join('')
  const commands = [...COMMANDS].map(([name, { asks }]) => line(name, asks)).join('')
  return `scenarios\n${scenarios(false)}run when named, or with --all\n${scenarios(true)}commands\n${commands}`
}

async function run(wish: Arguments): Promise<number> {
  const args = { ...wish, variants: variantsOf(wish.variants, wantedOf(wish)) }
  checkPlaces(args)
  if (args.client === 'smtp-source' && findSmtpSource() === undefined) {
    say('--client smtp-source: the program is not here (Debian: apt install postfix)\n')
    return 2
  }
  if (args.profile !== undefined) mkdirSync(args.profile, { recursive: true })
  const machine = machineOf(args.folder)
  say(`${machineText(machine)}\n`)
  const began = Date.now()
  const { rows, failed } = await runAll(args)
  process.stdout.write(`\n${machineText(machine)}\n\n${tableOf(rows)}`)
  for (const one of failed) say(`\n${one}\n`)
  say(`\n${((Date.now() - began) / 1000).toFixed(0)} s. "ref" is the reference of the same run, see bench/README.md\n`)
  if (args.json !== undefined) {
    writeResults(args.json, { at: new Date(began).toISOString(), machine, settings: args, rows })
  }
  return failed.length > 0 || rows.some(row => row.ours.errors.length > 0 || row.durable.kind === 'not durable') ? 1 : 0
}

interface Outcome {
  readonly rows: readonly Row[]
  /** Why variants have none: the others' minutes are not lost for it. */
  readonly failed: readonly string[]
}

async function runAll(args: Arguments): Promise<Outcome> {
  const tools = mkdtempSync(join(args.folder, 'posthouse-bench-tools-'))
  let setting: Setting | undefined
  cleanUp = async () => {
    await setting?.end()
    await rm(tools, { recursive: true, force: true })
  }
  const counter = buildFlushCounter(tools)
  const rows: Row[] = []
  const failed: string[] = []
  try {
    for (const { scenario, cases } of planOf(args)) {
      setting = new Setting(args, counter)
      try {
        rows.push(...(await runVariant(scenario, cases, setting, say)))
      } catch (error) {
        if (isInterrupted) throw error
        failed.push(`${scenario.name} ${cases[0]!.variant} failed: ${error instanceof Error ? error.message : error}`)
        say(`${failed.at(-1)}\n`)
      }
      await setting.end()
    }
  } finally {
    await cleanUp()
  }
  return { rows, failed }
}

/** Variants with their cases: each gets a stage of its own. */
function planOf(args: Arguments): { readonly scenario: Scenario; readonly cases: readonly Case[] }[] {
  return wantedOf(args).flatMap(scenario => {
    const cases = casesOf(scenario, args)
    if (scenario.oneStage === true) return cases.length === 0 ? [] : [{ scenario, cases }]
    return scenario.variants
      .map(variant => ({ scenario, cases: cases.filter(one => one.variant === variant) }))
      .filter(one => one.cases.length > 0)
  })
}

function wantedOf({ scenarios, all }: Arguments): readonly Scenario[] {
  return SCENARIOS.filter(({ name, onRequest }) =>
    scenarios.length === 0 ? all || onRequest !== true : scenarios.includes(name),
  )
}

onInterruption(async () => {
  isInterrupted = true
  if (!isCommand) say('\ninterrupted: ending the servers\n')
  await cleanUp().catch(error => say(`${String(error)}\n`))
})
// The reader of the progress may have gone; the servers must be ended all the same.
process.stderr.on('error', () => undefined)
process.stdout.on('error', () => undefined)

main().then(
  code => {
    process.exitCode = code
  },
  error => {
    say(`\n${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = error instanceof Wrong ? 2 : 1
  },
)
