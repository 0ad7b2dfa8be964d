/**
 * `npm run bench:filter`: how often the filter is wrong, where and why, and beside it the filters of others. Reports go to standard output, progress to
 * standard error. Without sets of mail it says so and ends with 0; with a wrong command line it ends with 2.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Parting } from '../../plugins/spam-rules/fit-check.js'
import { reportLines } from '../../plugins/spam-rules/fit-report.js'
import { ends, runToTheEnd, say } from '../lib/ends.js'
import { machineOf, machineText } from '../lib/machine.js'
import { type Arguments, HELP, readArguments } from './args.js'
import { besideOthers, besideTable, draw } from './beside.js'
import { percentile, type Result } from './figures.js'
import { fitTo } from './fitting.js'
import { LESSON_HEAD, learnAndJudge, lessonFigures, lessonRows, unseen } from './learning.js'
import { folderOfSets, honestItems, type Item, itemsOf } from './sets.js'
import { addsUp, Site } from './site.js'
import { speedTable } from './speed.js'
import { pluginsOf } from './stages.js'
import { errorTable, groupTable, ruleTable, tableOf, wrongList } from './tables.js'
import { type View, viewOf } from './view.js'

const print = (text: string): void => void process.stdout.write(`${text}\n`)
/** Rules that are listed with --groups. */
const MOST_RULES = 60
const BLOCK = 250
/** In a fit: the sets have so little of this kind. */
const HONEST_WEIGHT = 3

interface Run {
  readonly stage: string
  readonly view: View
  readonly messages: number
  readonly cpuMs: number
  readonly p50: number
  readonly p99: number
  readonly results: readonly Result[]
}

async function main(): Promise<number> {
  const wish = readArguments(process.argv.slice(2))
  switch (wish.kind) {
    case 'help':
      process.stdout.write(HELP)
      return 0
    case 'wrong':
      say(`${wish.why}\nSee npm run bench:filter -- --help\n`)
      return 2
    case 'run':
      return run(wish.args)
  }
}

async function run(args: Arguments): Promise<number> {
  const sets = folderOfSets(args.folder)
  if (sets === undefined) {
    print('There are no sets of mail: give --sets DIR, or POSTHOUSE_SHARED.')
    return 0
  }
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-bench-filter-'))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const machine = machineOf(folder)
  print(`${machineText(machine)}\n`)
  const items = itemsOf(sets, args)
  if (args.peers) return await runBeside(sets, folder, args)
  if (args.speed) return await runSpeed(sets, folder, args)
  if (args.fit !== undefined) return await runFit(items, folder, args, args.fit)
  if (args.learn) return await runLearning(sets, folder, args)
  const runs: Run[] = []
  for (const { stage, plugins } of stagesOf(args)) {
    for (const view of args.views) {
      const site = await Site.open({
        folder: join(folder, `${stage}-${view}`),
        ...(plugins && { plugins }),
        ...(args.config !== undefined && { config: args.config }),
      })
      runs.push(await judgeAll({ site, stage, view, items }))
      report(runs.at(-1)!, args)
      await site.close()
    }
  }
  if (args.json !== undefined)
    writeFileSync(resolve(args.json), JSON.stringify({ machine, settings: args, runs }, null, 1))
  return 0
}

async function runBeside(sets: string, folder: string, args: Arguments): Promise<number> {
  const asked = draw(itemsOf(sets, args), args.sample)
  const taught = draw(itemsOf(sets, { ...args, splits: ['train'] }), args.taught)
  for (const view of args.views) {
    const rows = await besideOthers({ asked, taught }, { folder: join(folder, view), view, say })
    print(
      `## Beside others, ${view} view (${args.splits.join(' and ')}, ${asked.length} messages, ${taught.length} taught)\n`,
    )
    print(`${besideTable(rows)}\n`)
  }
  return 0
}

async function runSpeed(sets: string, folder: string, args: Arguments): Promise<number> {
  const items = draw(itemsOf(sets, args), args.sample)
  const { warm, turns } = args
  const taught = args.whole ? draw(itemsOf(sets, { ...args, splits: ['train'] }), args.taught) : undefined
  for (const view of args.views) {
    const table = await speedTable(items, {
      folder: join(folder, view),
      view,
      warm,
      turns,
      say,
      ...(taught && { taught }),
    })
    const what = taught === undefined ? 'rules alone' : `the whole filter, ${taught.length} messages taught`
    print(
      `## Speed, ${what}, ${view} view (${items.length} messages, ${turns} turns after ${warm} messages each)\n\n${table}\n`,
    )
  }
  return 0
}

/** Over all stages and views at once: points must be right for each of them. */
async function runFit(items: readonly Item[], folder: string, args: Arguments, by: Parting): Promise<number> {
  const results: Result[] = []
  let last: Site | undefined
  for (const { stage, plugins } of stagesOf(args)) {
    for (const view of args.views) {
      last = await Site.open({ folder: join(folder, `${stage}-${view}`), ...(plugins && { plugins }) })
      // A model that has been taught these very mails says nothing of others: there the other site's is asked.
      if (stage !== 'learning') results.push(...(await judgeAll({ site: last, stage, view, items })).results)
      else
        results.push(
          ...(await unseen({ train: items, test: items, folder: join(folder, `unseen-${view}`), view, say })),
        )
      const honest = (await judgeAll({ site: last, stage, view, items: honestItems() })).results
      for (let n = 0; n < HONEST_WEIGHT; n++) results.push(...honest)
    }
  }
  if (last === undefined) return 1
  const { report: told, patch } = await fitTo(last, results, { by })
  print(`${reportLines(told).join('\n')}\n\n${patch.join('\n')}\n`)
  if (args.json !== undefined)
    writeFileSync(resolve(args.json), JSON.stringify({ settings: args, told, patch }, null, 1))
  return 0
}

async function runLearning(sets: string, folder: string, args: Arguments): Promise<number> {
  const test = itemsOf(sets, args)
  const train = itemsOf(sets, { ...args, splits: ['train'] })
  const told = []
  for (const view of args.views) {
    const lessons = await learnAndJudge({ train, test, folder: join(folder, view), view, say })
    if (lessons.length === 0) print('The plugin learning is not here.')
    print(
      `## Learning, ${view} view (${args.splits.join(' and ')}, ${test.length} messages; ${train.length} to be taught)\n`,
    )
    print(`${tableOf(LESSON_HEAD, lessonRows(lessons))}\n`)
    told.push({ view, lessons: lessonFigures(lessons) })
  }
  if (args.json !== undefined) writeFileSync(resolve(args.json), JSON.stringify({ settings: args, told }, null, 1))
  return 0
}

function stagesOf(args: Arguments) {
  if (args.config !== undefined) return [{ stage: 'config', plugins: undefined }]
  return args.stages.flatMap(stage => {
    const plugins = pluginsOf(stage)
    if (plugins === undefined) say(`${stage}: its plugins are not here, left out\n`)
    return plugins === undefined ? [] : [{ stage, plugins }]
  })
}

async function judgeAll(order: {
  readonly site: Site
  readonly stage: string
  readonly view: View
  readonly items: readonly Item[]
}): Promise<Run> {
  const { site, stage, view, items } = order
  const results: Result[] = []
  const times: number[] = []
  let cpuMs = 0
  // Asking for the CPU costs some of it: blocks are read first, then judged.
  for (let from = 0; from < items.length; from += BLOCK) {
    const block = items.slice(from, from + BLOCK).map(item => ({ item, mail: viewOf(readFileSync(item.path), view) }))
    const before = process.cpuUsage()
    const judged = []
    for (const { mail } of block) judged.push(await site.judge(mail))
    const { user, system } = process.cpuUsage(before)
    cpuMs += (user + system) / 1000
    for (const [i, { item, mail }] of block.entries()) {
      const { set, label, id } = item
      const { sum, findings, ms } = judged[i]!
      if (!addsUp(judged[i]!)) throw new Error(`${set}/${label}/${id}: the sum ${sum} is not that of the findings`)
      times.push(ms)
      results.push({ set, label, id, at: mail.at, year: mail.year, sum, findings })
    }
    say(`${stage} ${view}: ${results.length} of ${items.length}\r`)
  }
  return {
    stage,
    view,
    messages: items.length,
    cpuMs: cpuMs / items.length,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    results,
  }
}

function report({ stage, view, messages, cpuMs, p50, p99, results }: Run, args: Arguments): void {
  print(`## ${stage}, ${view} view (${args.splits.join(' and ')}, ${messages} messages)\n`)
  print(`${errorTable(results)}\n`)
  print(`${cpuMs.toFixed(2)} ms CPU a message, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms\n`)
  if (args.groups) print(`${groupTable(results)}\n\n${ruleTable(results, MOST_RULES)}\n`)
  if (args.wrong) print(`${wrongList(results)}\n`)
}

runToTheEnd(async () => {
  process.exitCode = await main()
})
