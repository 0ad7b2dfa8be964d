/**
 * `posthouse queue hold|release|retry|expire|bounce|drop|redirect`: changes what waits, by ids or by filter. What touches more than one
 * message says first what it would do, and does it with `--yes`. Each change is in the trail with who asked and why.
 */
import {
  type Address,
  CommandError,
  type QueueChange,
  type QueuedMessage,
  TRY_LANE,
  type TrailEntry,
} from '../../../api/index.js'
import { announce } from '../../../pipeline/admin-news.js'
import { addressKey, formatAddress, parseAddress, printable } from '../../../text/index.js'
import type { CliParts, OwnCommand, OwnRun } from '../../command-base.js'
import { meant, type QueueAtHand, whoAsks, withQueue } from './common.js'
import { fieldLines, type QueueWords, readFilter } from './filter.js'
import { warnOfSuspended } from './held-back.js'
import { Preview } from './preview.js'
import { many } from './words.js'

interface Verb {
  readonly name: string
  readonly summary: string
  /** `{count} released` */
  readonly done: string
  readonly event: string
  readonly options?: OwnCommand['options']
  /** Throws `CommandError` when it cannot be. */
  change(run: OwnRun, at: QueueAtHand): Promise<QueueChange> | QueueChange
  /** For the trail: `Held` … `: why`. */
  readonly told: string
  /** Rows this changes anything of. */
  fits?(row: QueuedMessage['rows'][number]): boolean
  /** Said of recipients that do not fit. */
  readonly others?: string
}

const VERBS: readonly Verb[] = [
  {
    name: 'hold',
    summary: 'keep mail back until it is released',
    done: 'held',
    event: 'held',
    told: 'Held',
    options: {
      reason: { type: 'string', value: 'TEXT', description: 'shown wherever it is listed; default: by admin' },
    },
    change: run => ({ kind: 'hold', reason: text(run, 'reason') ?? 'by admin' }),
  },
  {
    name: 'release',
    summary: 'let held mail go on its way',
    done: 'released',
    event: 'released',
    told: 'Released',
    change: () => ({ kind: 'release' }),
    fits: row => row.hold !== undefined,
  },
  {
    name: 'retry',
    summary: 'try again at once',
    done: 'due now',
    event: 'retried',
    told: 'To be tried at once',
    change: () => ({ kind: 'retry', due: Date.now() }),
    fits: row => row.hold === undefined,
    others: 'held, left alone: posthouse queue release lets go what is held',
  },
  {
    name: 'expire',
    summary: 'give up as if the time were over: the sender gets a bounce',
    done: 'given up, their senders are told',
    event: 'expired',
    told: 'Given up',
    change: run => verdict(run, '5.4.7', 'given up by the administrator before its time', true),
  },
  {
    name: 'bounce',
    summary: 'return to the sender now',
    done: 'returned to their senders',
    event: 'bounced',
    told: 'Returned',
    options: { text: { type: 'string', value: 'TEXT', description: 'what the sender is told' } },
    change: run => verdict(run, '5.7.1', text(run, 'text') ?? 'returned by the administrator', false),
  },
  {
    name: 'drop',
    summary: 'take out of the queue without telling the sender',
    done: 'dropped',
    event: 'removed',
    told: 'Dropped',
    change: () => ({ kind: 'drop' }),
  },
  {
    name: 'redirect',
    summary: 'send to another address instead',
    done: 'redirected',
    event: 'redirected',
    told: 'Redirected',
    options: { to: { type: 'string', value: 'ADDRESS', description: 'who shall get it' } },
    change: redirection,
  },
]

export function queueChangeCommands(parts: CliParts): readonly OwnCommand[] {
  return VERBS.map(verb => ({
    name: `queue ${verb.name}`,
    summary: verb.summary,
    usage: 'ID…|FILTER…',
    arity: [1, 100],
    options: {
      ...verb.options,
      why: { type: 'string', value: 'TEXT', description: 'noted in the history of each message' },
      yes: { type: 'boolean', description: 'do it, also to more than one message' },
    },
    more: ['A filter is words that must all fit:', '', ...fieldLines()],
    run: async run => {
      const words = readFilter(run.args)
      const lanes = new Set<string>()
      const routing = verb.name === 'redirect'
      const code = await withQueue(run, parts, at => change(verb, words, run, at, lanes), { routing })
      if (verb.name === 'retry') await warnOfSuspended(run, parts, lanes)
      return code
    },
  }))
}

/** `lanes`: filled with destinations of what was changed. */
async function change(
  verb: Verb,
  words: QueueWords,
  run: OwnRun,
  at: QueueAtHand,
  lanes: Set<string>,
): Promise<number> {
  const wanted = await verb.change(run, at)
  const fits = verb.fits ?? (() => true)
  const preview = new Preview()
  let others = 0
  for await (const message of meant(at.queue, words)) {
    preview.add(message, fits)
    others += message.rows.filter(row => !fits(row)).length
  }
  if (others > 0 && verb.others !== undefined) run.warn(`${many(others, 'recipient')} ${verb.others}`)
  if (preview.messages === 0) {
    if (run.json) run.print(JSON.stringify({ messages: 0, recipients: 0, underWay: preview.underWay, done: false }))
    else
      run.print(
        preview.underWay > 0
          ? `${many(preview.underWay, 'recipient')} under way, left alone`
          : 'nothing in the queue fits',
      )
    return 1
  }
  if (preview.messages > 1 && run.options.yes !== true) {
    if (run.json) run.print(JSON.stringify({ ...preview.json(), done: false }, null, 2))
    else
      for (const line of [...preview.lines(verb.name, Date.now()), 'Nothing was done. Say it again with --yes.'])
        run.print(line)
    return 1
  }
  const done = await carryOut(verb, words, wanted, fits, run, at, lanes)
  if (run.json) run.print(JSON.stringify({ ...done, done: true }))
  else {
    const left = done.underWay > 0 ? `; ${many(done.underWay, 'recipient')} under way, left alone` : ''
    run.print(`${many(done.recipients, 'recipient')} of ${many(done.messages, 'message')} ${verb.done}${left}`)
  }
  return done.recipients > 0 ? 0 : 1
}

/** Changes under way at a time: they share commits. */
const TOGETHER = 200
const PROGRESS = 10_000
/** Destinations that are tried although nobody answered there so far. */
const MOST_LANES = 100

interface Done {
  messages: number
  recipients: number
  underWay: number
}

async function carryOut(
  verb: Verb,
  words: QueueWords,
  wanted: QueueChange,
  fits: NonNullable<Verb['fits']>,
  run: OwnRun,
  { queue, bus }: QueueAtHand,
  lanes: Set<string>,
): Promise<Done> {
  const done: Done = { messages: 0, recipients: 0, underWay: 0 }
  const pending = new Set<Promise<void>>()
  const who = whoAsks()
  const why = text(run, 'why')
  const one = async (message: QueuedMessage) => {
    const rows = message.rows.filter(row => fits(row))
    const free = rows.filter(row => !row.leased)
    const entry = entryOf(verb, message, free, who, why)
    const numbers = free.map(({ row }) => row)
    const changed = numbers.length === 0 ? 0 : await queue.change(message.id, wanted, numbers, [entry])
    done.messages += changed > 0 ? 1 : 0
    done.recipients += changed
    done.underWay += rows.length - changed
    if (changed > 0) announce(bus, { event: verb.event, id: message.id, rows: numbers, by: who, ...(why && { why }) })
    if (changed > 0 && done.messages % PROGRESS === 0) run.warn(`${done.messages} messages …`)
  }
  // Who says so wants an attempt, also where nobody has answered so far.
  const tryLane = (lane: string) => {
    if (verb.name === 'retry') bus.publish(TRY_LANE, lane)
  }
  for await (const message of meant(queue, words)) {
    for (const lane of message.rows.map(row => `${row.target}/${row.lane}`)) {
      if (lanes.has(lane) || lanes.size >= MOST_LANES) continue
      lanes.add(lane)
      // Before, or mail of a suspended destination is put off again while we are at it.
      tryLane(lane)
    }
    const work = one(message).finally(() => pending.delete(work))
    pending.add(work)
    if (pending.size >= TOGETHER) await Promise.race(pending)
  }
  await Promise.all(pending)
  // The first attempts may have found nobody, and have suspended it anew.
  for (const lane of lanes) tryLane(lane)
  return done
}

function entryOf(
  verb: Verb,
  { id }: QueuedMessage,
  rows: QueuedMessage['rows'],
  who: string,
  why: string | undefined,
): TrailEntry {
  const names = rows.slice(0, 5).map(({ original }) => formatAddress(original))
  const more = rows.length > names.length ? ` and ${rows.length - names.length} more` : ''
  const says = `${verb.told} for ${names.join(', ')}${more} by ${who}${why === undefined ? '' : `: ${printable(why)}`}.`
  return { id, at: Date.now(), event: verb.event, says, facts: { by: who, recipients: rows.length } }
}

function verdict(run: OwnRun, status: string, fallback: string, expired: boolean): QueueChange {
  const why = text(run, 'why')
  return {
    kind: 'fail',
    verdict: { status, text: why === undefined ? fallback : `${fallback}: ${printable(why)}`, expired },
  }
}

function text({ options }: OwnRun, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' && value.trim() !== '' ? printable(value, 500) : undefined
}

async function redirection(run: OwnRun, { assembled, loaded }: QueueAtHand): Promise<QueueChange> {
  const wish = text(run, 'to')
  if (wish === undefined) throw new CommandError('say where to: --to ADDRESS', 2)
  const to: Address | undefined = parseAddress(wish)
  if (to === undefined) throw new CommandError(`--to: "${wish}" is no address; expected user@example.org`, 2)
  const claims = await assembled.route(to)
  if ('kind' in claims) throw new CommandError(`nobody takes ${addressKey(to)}: ${claims.text}`)
  const [claim, ...others] = claims
  if (claim === undefined || others.length > 0)
    throw new CommandError(`${addressKey(to)} leads to ${claims.length} addresses; name one of them`)
  const target = loaded.targets.get(claim.target)
  if (target === undefined) throw new CommandError(`no plugin supplies the target ${claim.target}`)
  return {
    kind: 'redirect',
    to: claim.to,
    target: claim.target,
    lane: target.lane(claim.to),
    detail: claim.detail ?? {},
  }
}
