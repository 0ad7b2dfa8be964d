/** `posthouse learn …`: teaches from files and mailboxes, takes it back, and says what is known. */
import { type Clock, type Command, CommandError, type CommandRun, type Finding, type Message } from 'posthouse/api'
import { buildCommand } from './build-command.js'
import { keyOf, type Label, SITE } from './entry.js'
import { findingOf } from './finding.js'
import type { Journal } from './journal.js'
import { type Bounds, experienceOf, judge, leftOfModel, type Sources } from './judge.js'
import { readLesson, readTokens } from './lesson.js'
import { accountNamed, type PassedOver, type SourceMail, type SourceParts, sourceOf } from './mail-source.js'
import { beginsAsMail } from './mbox.js'
import type { StartingModel } from './model.js'
import { owe, owedBy, settle } from './owed.js'
import type { Run } from './runs.js'
import type { Teacher } from './teacher.js'

export interface CommandParts extends SourceParts {
  readonly journal: () => Journal
  readonly teacher: () => Promise<Teacher>
  readonly model: () => Promise<StartingModel>
  readonly bounds: Bounds
  readonly clock: Clock
  readonly messageOf: (bytes: Buffer) => Message
}

/** Written together. */
const PIECE = 100
/** People see that it goes on. */
const TELL_EVERY = 500
/** Fewer lessons, or fewer taken back, leave all others as they are. */
const MANY = 20
/** So many files that are passed over are named. */
const MOST_NAMED = 20
/** How many lessons are gone over where many were learned: some, and more for each. */
const GONE_OVER = { least: 1000, forEach: 5, most: 20_000 } as const

const OPTIONS = {
  undo: { type: 'boolean', description: 'take back what was learned of this mail' },
  account: {
    type: 'string',
    value: 'LOGIN',
    description: 'teach for this account, within its bounds; default: for the whole site',
  },
  'dry-run': { type: 'boolean', description: 'only say how each mail is judged now' },
} as const

export function learnCommands(parts: CommandParts): readonly Command[] {
  return [teaching('spam', parts), teaching('ham', parts), status(parts), judging(parts), buildCommand(parts.messageOf)]
}

function teaching(label: Label, parts: CommandParts): Command {
  return {
    name: `learn ${label}`,
    summary: `teach that mail is ${label}: files, mbox, Maildir, folders, or a mailbox (alice@example.org:Junk); what is known already is passed over`,
    usage: 'PATH…',
    arity: [1, 100_000],
    options: OPTIONS,
    run: run => teach(label, run, parts),
  }
}

interface Progress {
  seen: number
  learned: number
  known: number
  /** Of those learned, already judged so. */
  right: number
  /** No mail, or not to be read. */
  passedOver: number
}

/** Resolves with the exit code. */
async function teach(label: Label, run: CommandRun, parts: CommandParts): Promise<number> {
  const who = await teacherNamed(run, parts)
  // All of them are there, or nothing is learned of any.
  const sources = await Promise.all(run.args.map(path => sourceOf(path, parts)))
  const teacher = await parts.teacher()
  const journal = parts.journal()
  await journal.follow()
  const lessons = await teacher.run(who)
  const progress: Progress = { seen: 0, learned: 0, known: 0, right: 0, passedOver: 0 }
  const isDry = run.options['dry-run'] === true
  const began = parts.clock.now()
  // Of runs that were broken off, and of this one.
  const owed = [...(await owedBy(journal.table, who))]
  let isOwed = false
  if (owed.length > 0 && !isDry) run.warn('lessons of a run that was broken off, or goes on, are gone over, too')
  for (const mailsIn of sources) {
    for await (const mail of mailsIn()) {
      const bytes = octetsOf(mail, progress, run)
      if (bytes === undefined) continue
      const read = await readLesson(parts.messageOf(bytes))
      await one({ who, label, by: 'command', ...read }, progress, run, parts)
      if (progress.learned >= MANY && !isOwed && !isDry) {
        owed.push(await owe(journal.table, who, { began, run: lessons.id }, await lessons.begin()))
        isOwed = true
      }
      if (journal.staged >= PIECE) await journal.flush()
      if (progress.seen % TELL_EVERY === 0) run.warn(soFar(run, progress))
    }
  }
  await journal.flush()
  // Also where nothing was taken back: whoever did may have been killed then.
  const isBack = run.options.undo === true && !isDry && (await teacher.putBack(who, owed))
  if (owed.length > 0 && !isDry && !isBack) {
    const changed = journal.changedSince(Math.min(...owed.map(one => one.began)), who)
    await goOver({ who, changed, run, teacher, lessons })
    await settle(journal.table, owed)
  }
  tell(run, label, progress)
  if (progress.passedOver === 0) return 0
  run.warn(`${progress.passedOver} passed over, as no mail or unreadable; the rest is done`)
  return 1
}

/** Of what is no mail, and of what cannot be read, nothing is learned, and the rest is. What was learned is taken back, whatever it is. */
function octetsOf(mail: SourceMail | PassedOver, progress: Progress, run: CommandRun): Buffer | undefined {
  const read = run.options.undo === true ? mail : checked(mail)
  if ('bytes' in read) return read.bytes
  if (++progress.passedOver <= MOST_NAMED) run.warn(read.fault)
  return undefined
}

function checked(mail: SourceMail | PassedOver): SourceMail | PassedOver {
  if ('fault' in mail || beginsAsMail(mail.bytes)) return mail
  return { fault: `${mail.name} is no mail: it does not begin with a header field` }
}

/** Each lesson counts as much as it has to beside all others, in whatever order they came. */
function goOver({ who, changed, run, teacher, lessons }: GoingOver): Promise<void> {
  const { least, forEach, most } = GONE_OVER
  const told = (differently: number, of: number) => {
    if (of >= TELL_EVERY) run.warn(`gone over ${mails(of)} again: ${differently} of them count differently now`)
  }
  return teacher.refine(Math.min(most, least + forEach * changed), who, told, lessons)
}

interface GoingOver {
  readonly who: string
  /** How many lessons have come, or gone. */
  readonly changed: number
  readonly run: CommandRun
  readonly teacher: Teacher
  /** Begun before the first of them. */
  readonly lessons: Run
}

type Lesson = Parameters<Teacher['learn']>[0]

async function one(lesson: Lesson, progress: Progress, run: CommandRun, parts: CommandParts): Promise<void> {
  const { who, label, print, tokens } = lesson
  const teacher = await parts.teacher()
  const isDry = run.options['dry-run'] === true
  const account = who === SITE ? undefined : who
  progress.seen++
  if (run.options.undo === true) {
    const isKnown = isDry
      ? parts.journal().standing(keyOf(who, print)) !== undefined
      : await teacher.forget(who, print, 'later')
    if (isKnown) progress.learned++
    else progress.known++
  } else if (isDry) {
    if (parts.journal().standing(keyOf(who, print))?.label === label) progress.known++
    const { sum } = await teacher.judge(tokens, account)
    if (sum > 0 === (label === 'spam')) progress.right++
  } else {
    const learned = await teacher.learn(lesson, 'later')
    if (learned.kind === 'known') progress.known++
    else {
      progress.learned++
      if (learned.before.sum > 0 === (label === 'spam')) progress.right++
    }
  }
}

function tell(run: CommandRun, label: Label, progress: Progress): void {
  const { seen, learned, known, right } = progress
  const isDry = run.options['dry-run'] === true
  if (run.json) run.print(JSON.stringify({ label, ...progress }))
  else if (run.options.undo === true)
    run.print(`${mails(seen)}: ${learned} ${isDry ? 'would be ' : ''}taken back, ${known} not known`)
  else if (isDry)
    run.print(
      `${mails(seen)}: ${right} judged ${label} already, ${seen - right} not; ${known} known already; nothing was learned`,
    )
  else
    run.print(
      `${mails(seen)}: ${learned} learned as ${label} (${right} of them judged so before), ${known} known already`,
    )
}

function soFar({ options }: CommandRun, { seen, learned }: Progress): string {
  if (options['dry-run'] === true) return mails(seen)
  return `${mails(seen)}, ${learned} ${options.undo === true ? 'taken back' : 'learned'}`
}

function mails(count: number): string {
  return count === 1 ? '1 mail' : `${count} mails`
}

async function teacherNamed({ options }: CommandRun, { accounts }: CommandParts): Promise<string> {
  if (typeof options.account !== 'string') return SITE
  const account = await accountNamed(options.account, accounts())
  if (account === undefined) throw new CommandError(`there is no account ${options.account}`, 2)
  return account.id
}

function status({ journal: journalOf, model: modelOf }: CommandParts): Command {
  return {
    name: 'learn status',
    summary: 'say what the classifier knows: its starting model, what was taught here, and how much it may weigh',
    arity: [0, 0],
    async run(run) {
      const journal = journalOf()
      await journal.ready()
      const { header } = await modelOf()
      const { spam, ham, teachers } = journal.counts()
      const experience = experienceOf(journal.siteTaught())
      if (run.json) return run.print(JSON.stringify({ model: header, taught: { spam, ham, teachers }, experience }))
      run.print(
        header.made === '' ? 'no starting model' : `starting model of ${header.made}, ${header.tokens} tokens, from:`,
      )
      for (const { name, spam: bad, ham: good, terms } of header.sources)
        run.print(`  ${name}: ${good} ham, ${bad} spam (${terms})`)
      run.print(`taught here: ${spam} spam, ${ham} ham, by ${teachers} teachers`)
      const left = Math.round(100 * leftOfModel(experience))
      run.print(`experience ${experience}: the starting model counts ${left} %`)
    },
  }
}

function judging(parts: CommandParts): Command {
  const { teacher: teacherOf, bounds, messageOf } = parts
  const findingIn = async (bytes: Buffer, sources: Sources) => {
    const read = await readTokens(messageOf(bytes))
    return findingOf(read, sources, judge(read.tokens, sources, read.starts), bounds)
  }
  return {
    name: 'learn judge',
    summary:
      'say how likely mail is spam, and which tokens say so: of files, mbox, Maildir, folders, or a mailbox; nothing is learned',
    usage: 'PATH…',
    arity: [1, 100_000],
    async run(run) {
      const places = await Promise.all(run.args.map(path => sourceOf(path, parts, { once: true })))
      const sources = await (await teacherOf()).sources()
      let passedOver = 0
      for (const mailsIn of places) {
        for await (const source of mailsIn()) {
          const mail = checked(source)
          if ('bytes' in mail) print(run, mail.name, await findingIn(mail.bytes, sources))
          else {
            passedOver++
            run.warn(mail.fault)
          }
        }
      }
      return passedOver === 0 ? 0 : 1
    },
  }
}

function print(run: CommandRun, file: string, found: Finding | undefined): void {
  const { points = 0, says, evidence = [] } = found ?? {}
  if (run.json) {
    run.print(JSON.stringify({ file, points, says, evidence }))
    return
  }
  run.print(`${points.toFixed(2).padStart(6)}  ${file}: ${says ?? 'nothing to say'}`)
  for (const piece of evidence) run.print(`        ${piece}`)
}
