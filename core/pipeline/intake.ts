/**
 * Takes a message in: evidence (`score`, `weigh`), decision (`message`), fields (`headers`), then one durable step that holds body, queue rows,
 * filings and trail. Mail for local mailboxes is filed in that same step; only what cannot be settled at once becomes a queue row.
 * When `receive` resolves with "accepted", everything is on disk.
 */
import {
  type Acceptance,
  type Address,
  type Claimed,
  type Decided,
  type Defer,
  type Log,
  MailError,
  type NewMessage,
  type NewRow,
  type Reject,
  type Store,
  type TrailEntry,
} from '../api/index.js'
import { formatAddress } from '../text/index.js'
import { type Fate, fates, resultOf } from './decision.js'
import { arrivals } from './events.js'
import { fileLocally, type LocalResult } from './filing.js'
import { heldByRules, heldEntries } from './holds.js'
import type { AskScope, Intake, Receipt, Received, RecipientAnswer, Routed } from './intake-types.js'
import { askOpinions, findVerdict, type Judged, type Opinion } from './judging.js'
import { LargeMail } from './large-mail.js'
import { planOwn } from './own-mail.js'
import type { IntakeParts } from './parts.js'
import { authenticationResults, cutFields, prefixFor, removedNames } from './prefix.js'
import { Router } from './routing.js'
import { buildRows } from './rows.js'
import { receivedField } from './trace.js'
import { acceptedEntry, discardedEntry, refusedEntry, turnedAwayEntries } from './trail.js'
import { addWishes } from './wishes.js'

type Open<T> = { -readonly [K in keyof T]: T[K] }

const ACCEPTED = { kind: 'accepted', text: 'Message accepted' } as const

export function createIntake(parts: IntakeParts): Intake {
  const router = new Router(parts.pipeline, parts.targets, parts.server)
  const large = new LargeMail()
  const plan: Intake['plan'] = (message, scope) => planOwn(parts, router, message, scope)
  return {
    route: (session, labels, envelope, recipient, scope) => router.route(session, labels, envelope, recipient, scope),
    receive: (received, scope) => large.pass(received.message.size, () => receive(parts, plan, received, scope)),
    plan,
  }
}

async function receive(
  parts: IntakeParts,
  plan: Intake['plan'],
  received: Received,
  scope: AskScope,
): Promise<Receipt> {
  const { session, envelope, message, routed } = received
  const lmtp = session.protocol === 'lmtp'
  const verdict = await findVerdict(parts.pipeline, received, scope)
  const opinions = await askOpinions(parts, received, verdict, scope)
  const wishes = opinions.map(({ wish }) => wish)
  const decided = fates(wishes, lmtp)
  const told = (replies: readonly RecipientAnswer[]) => resultsOf(received, opinions, decided, replies)
  if (decided.every(one => one.kind === 'refuse')) {
    const refused = decided.map(one => one.reply)
    return refuse(parts, { received, verdict, results: told(refused) }, refused, scope)
  }
  const asked = { session, envelope, message, verdict }
  const gathered = parts.pipeline.gather('headers', asked, session.labels, scope, () => undefined)
  const fields = gathered instanceof Promise ? await gathered : gathered
  const trace = receivedField(session, envelope, { server: parts.server.name, now: received.received })
  const results = authenticationResults(session, parts.server.name)
  const prefix = prefixFor(trace, [...results, ...fields], envelope.utf8)
  const cuts = cutFields(message.header, parts.server.name, removedNames(fields))
  const entering = newMessage(received, cuts)
  const rules = await parts.store.queue.holdRules()
  const built = buildRows(parts, received, entering, decided, prefix)
  const rows = heldByRules(rules, entering, message.size, built, received.received)
  const answers = lmtp ? 'each' : decided.every(one => one.kind === 'keep') ? 'one' : 'none'
  const mail = { received, rows, cuts, message: entering, holds: rules, answers } as const
  const local = await fileLocally(parts, plan, mail, scope)
  const replies = answersOf(routed, decided, rows, local)
  const judged = { received, verdict, results: told(replies) }
  if (replies.every(isNo)) return refuse(parts, judged, replies, scope)
  const now = parts.clock.now()
  const trail = [acceptedEntry(judged, rows, now), ...turnedAwayEntries(received, now)]
  if (decided.some(one => one.kind === 'discard')) trail.push(discardedEntry(received, decided, now))
  trail.push(...heldEntries(envelope.id, local.rows, now))
  const taken = replies.map(one => !isNo(one))
  await keep(parts, entering, local, trail, scope, () => {
    for (const event of arrivals(received, taken, local.rows, now))
      parts.pipeline.tell('event', { event }, session.labels, scope)
    tellDecided(parts, judged, scope)
  })
  tellHeld(local.rows, entering, scope.log)
  return { id: envelope.id, answers: replies }
}

function resultsOf(
  { routed }: Received,
  opinions: readonly Opinion[],
  decided: readonly Fate[],
  replies: readonly RecipientAnswer[],
): readonly Decided[] {
  return routed.map(({ recipient }, i) => {
    const kind = resultOf(decided[i]!, replies[i]!)
    const { rulings } = opinions[i]!
    return rulings.length === 0 ? { recipient, kind } : { recipient, kind, rulings }
  })
}

function tellDecided({ pipeline }: IntakeParts, { received, verdict, results }: Judged, scope: AskScope): void {
  const { session, envelope, message } = received
  pipeline.tell('decided', { session, envelope, message, verdict, results }, session.labels, scope)
}

/** One line per recipient, as for every other event of the queue. */
function tellHeld(rows: readonly NewRow[], { id }: NewMessage, log: Log): void {
  for (const { hold, original } of rows)
    if (hold !== undefined) log.info({ id, to: formatAddress(original), hold }, 'held')
}

function isNo(answer: RecipientAnswer): answer is Reject | Defer {
  return answer.kind !== 'accepted'
}

/** Nothing is kept but the trail. */
async function refuse(
  parts: IntakeParts,
  judged: Judged,
  answers: readonly (Reject | Defer)[],
  scope: AskScope,
): Promise<Receipt> {
  const now = parts.clock.now()
  await parts.store.trail.add([refusedEntry(judged, answers[0]!, now), ...turnedAwayEntries(judged.received, now)])
  tellDecided(parts, judged, scope)
  return { id: judged.received.envelope.id, answers }
}

/** Resolves when all of it is durable; that is when `arrived` is called, before anything else is told. */
async function keep(
  parts: IntakeParts,
  message: NewMessage,
  local: LocalResult,
  trail: readonly TrailEntry[],
  scope: AskScope,
  arrived: () => void,
): Promise<void> {
  const { rows, filings, follow } = local
  const all = [...trail, ...local.trail]
  if (rows.length === 0 && filings.length === 0 && follow.length === 0) {
    // A body already in chunks is left to the sweep of orphans.
    await parts.store.trail.add(all)
    arrived()
    local.tell()
    return
  }
  const given = parts.place?.(rows)
  const place = given instanceof Promise ? await given : given
  let jobs: readonly Claimed[] = []
  try {
    const acceptance: Acceptance =
      follow.length === 0 ? { message, rows, filings, trail: all } : { message, rows, filings, trail: all, follow }
    jobs = await parts.store.accept(acceptance, place?.lend)
    arrived()
    local.tell()
  } catch (error) {
    if (!isPermanent(error)) throw error
    scope.log.error({ id: message.id, err: error }, 'store refused the message, leaving its filing to the queue')
    // The queue finds out whose mailbox it is and files for the others.
    const waiting = rows.filter(row => !local.onward.has(row))
    await acceptOrLater(parts.store, { message, rows: [...waiting, ...local.filed], filings: [], trail })
    arrived()
  } finally {
    place?.begin(jobs, message.body.kind === 'memory' ? message.body.bytes : undefined)
  }
}

/** Whatever a store cannot take for good is our trouble and not the sender's. */
async function acceptOrLater(store: Store, acceptance: Acceptance): Promise<void> {
  try {
    await store.accept(acceptance)
  } catch (error) {
    if (!isPermanent(error)) throw error
    throw new MailError('store-unavailable', `not accepted: ${error.message}`, error)
  }
}

function isPermanent(error: unknown): error is MailError {
  return error instanceof MailError && !error.temporary
}

/** What each recipient's client hears: of a failure at once where it can be told, else the queue will see to it. */
function answersOf(
  routed: readonly Routed[],
  decided: readonly Fate[],
  rows: readonly NewRow[],
  { refused }: LocalResult,
): readonly RecipientAnswer[] {
  const failed = new Map<Address, Reject | Defer>()
  if (refused.size > 0) {
    for (const { row, original } of rows) {
      const reply = refused.get(row)
      if (reply !== undefined && !failed.has(original)) failed.set(original, reply)
    }
  }
  return routed.map(({ recipient }, i) => {
    const fate = decided[i]!
    return fate.kind === 'refuse' ? fate.reply : (failed.get(recipient.address) ?? ACCEPTED)
  })
}

/** Field by field: to put objects together takes ten times as long. */
function newMessage(received: Received, cuts: NewMessage['cuts']): NewMessage {
  const { session, envelope, message, body } = received
  const origin: Record<string, string> = { remote: session.remote.address, listener: session.listener }
  if (session.helo !== undefined) origin.helo = session.helo
  if (session.account !== undefined) origin.login = session.account.login
  if (session.trusted) origin.trusted = 'yes'
  addFact(origin, 'messageId', message.field('Message-ID'))
  addFact(origin, 'subject', message.field('Subject'))
  const { id, sender, utf8, body: bodyType, ret, envid } = envelope
  const made: Open<NewMessage> = { id, body, cuts, sender, utf8, bodyType, received: received.received, origin }
  if (ret !== undefined) made.ret = ret
  if (envid !== undefined) made.envid = envid
  addWishes(made, envelope)
  return made
}

function addFact(origin: Record<string, string>, name: string, value: string | undefined): void {
  if (value !== undefined) origin[name] = value.slice(0, 200)
}
