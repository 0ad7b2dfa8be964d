/**
 * Takes a message in: evidence (`score`), decision (`message`), fields (`headers`), then one durable step that holds body, queue rows,
 * filings and trail. Mail for local mailboxes is filed in that same step; only what cannot be settled at once becomes a queue row.
 * When `receive` resolves with "accepted", everything is on disk.
 */
import {
  type Acceptance,
  type Finding,
  MailError,
  type NewMessage,
  type NewRow,
  type ServerFacts,
  type Session,
  type Verdict,
} from '../api/index.js'
import { formatAddress } from '../text/index.js'
import { type Fate, fates, type Wish } from './decision.js'
import { fileLocally, type LocalResult } from './filing.js'
import type { AskScope, Intake, OwnMessage, Receipt, Received, RecipientAnswer, Routed } from './intake-types.js'
import type { IntakeParts } from './parts.js'
import type { Pipeline } from './pipeline.js'
import { buildPrefix, forgedFields } from './prefix.js'
import { Router } from './routing.js'
import { receivedField } from './trace.js'
import { acceptedEntry, discardedEntry, refusedEntry } from './trail.js'

const MAX_FINDINGS = 1000

export function createIntake(parts: IntakeParts): Intake {
  const router = new Router(parts.pipeline, parts.targets, parts.server)
  return {
    route: (session, labels, envelope, recipient, scope) => router.route(session, labels, envelope, recipient, scope),
    receive: (received, scope) => receive(parts, received, scope),
    plan: (message, scope) => plan(parts, router, message, scope),
  }
}

async function receive(parts: IntakeParts, received: Received, scope: AskScope): Promise<Receipt> {
  const { session, envelope, message, routed } = received
  const labels = session.labels
  const verdict = await weigh(parts.pipeline, received, scope)
  const decided = fates(await wishes(parts.pipeline, received, verdict, scope), session.protocol === 'lmtp')
  if (decided.every(one => one.kind === 'refuse')) {
    const answers = decided.map(one => one.reply)
    await parts.store.trail.add([refusedEntry(received, verdict, answers[0]!, parts.clock.now())])
    return { id: envelope.id, answers }
  }
  const asked = { session, envelope, message, verdict }
  const fields = await parts.pipeline.gather('headers', asked, labels, scope, () => undefined)
  const prefix = buildPrefix(
    receivedField(session, envelope, { server: parts.server.name, now: received.received }),
    fields,
  )
  const rows = buildRows(parts, routed, decided, prefix, received.received)
  const cuts = forgedFields(message.header, parts.server.name)
  const local = await fileLocally(parts, received, rows, cuts, scope)
  const answers = answersOf(routed, decided, rows, local, session)
  const trail = [acceptedEntry(received, verdict, parts.clock.now()), ...local.trail]
  if (decided.some(one => one.kind === 'discard')) trail.push(discardedEntry(received, decided, parts.clock.now()))
  const kept = local.rows.length > 0 || local.filings.length > 0
  if (kept) {
    const stored = newMessage(received, cuts)
    await parts.store.accept({ message: stored, rows: local.rows, filings: local.filings, trail })
    local.tell()
  } else {
    // A body already in chunks is left to the sweep of orphans.
    await parts.store.trail.add(trail)
  }
  return { id: envelope.id, answers }
}

async function weigh(pipeline: Pipeline, { session, envelope, message }: Received, scope: AskScope): Promise<Verdict> {
  const gathered = await pipeline.gather(
    'score',
    { session, envelope, message },
    session.labels,
    scope,
    (plugin, why) => ({
      name: `${plugin}-failed`,
      points: 0,
      says: `The ${plugin} plugin ${why}; its part of the judgement is missing.`,
    }),
  )
  const findings = gathered.filter(isFinding).slice(0, MAX_FINDINGS)
  // In hundredths, so that the sum on paper is the sum of the points on paper.
  const sum = findings.reduce((total, finding) => total + Math.round(finding.points * 100), 0) / 100
  return { findings, sum }
}

function isFinding(finding: Finding): boolean {
  return Number.isFinite(finding.points) && typeof finding.name === 'string' && typeof finding.says === 'string'
}

async function wishes(
  pipeline: Pipeline,
  { session, envelope, message, routed }: Received,
  verdict: Verdict,
  scope: AskScope,
): Promise<readonly Wish[]> {
  const answers: Wish[] = []
  const labels = new Set(session.labels)
  for (const { recipient } of routed) {
    answers.push(await pipeline.ask('message', { session, envelope, message, verdict, recipient }, labels, scope))
  }
  return answers
}

function buildRows(
  parts: IntakeParts,
  routed: readonly Routed[],
  decided: readonly Fate[],
  prefix: string,
  now: number,
): readonly NewRow[] {
  const rows: NewRow[] = []
  for (const [i, { recipient, claims }] of routed.entries()) {
    const fate = decided[i]!
    if (fate.kind !== 'keep') continue
    for (const claim of claims) {
      const target = parts.targets.get(claim.target)!
      const quarantined = fate.quarantine === undefined ? {} : { quarantine: fate.quarantine }
      // Quarantine is Junk for local mail, a hold for mail going out.
      const held =
        fate.quarantine !== undefined && target.scope === 'remote' ? { hold: `quarantine: ${fate.quarantine}` } : {}
      rows.push({
        row: rows.length,
        to: claim.to,
        original: recipient.address,
        dsn: recipient.dsn,
        target: claim.target,
        lane: target.lane(claim.to),
        ...(claim.sender === undefined ? {} : { sender: claim.sender }),
        detail: claim.detail ?? {},
        prefix,
        due: now,
        expires: now + parts.expireMs,
        priority: 0,
        ...quarantined,
        ...held,
      })
    }
  }
  return rows
}

/** What each recipient's client hears. Over LMTP a local failure is told at once; over SMTP the queue will see to it. */
function answersOf(
  routed: readonly Routed[],
  decided: readonly Fate[],
  rows: readonly NewRow[],
  local: LocalResult,
  session: Session,
): readonly RecipientAnswer[] {
  return routed.map(({ recipient }, i) => {
    const fate = decided[i]!
    if (fate.kind === 'refuse') return fate.reply
    if (session.protocol === 'lmtp') {
      const refused = rows.find(row => row.original === recipient.address && local.refused.has(row.row))
      if (refused !== undefined) return local.refused.get(refused.row)!
    }
    return { kind: 'accepted', text: 'Message accepted' }
  })
}

function newMessage(received: Received, cuts: NewMessage['cuts']): NewMessage {
  const { session, envelope, message, body } = received
  return {
    id: envelope.id,
    body,
    cuts,
    sender: envelope.sender,
    utf8: envelope.utf8,
    bodyType: envelope.body,
    ...(envelope.ret === undefined ? {} : { ret: envelope.ret }),
    ...(envelope.envid === undefined ? {} : { envid: envelope.envid }),
    received: received.received,
    origin: {
      remote: session.remote.address,
      listener: session.listener,
      ...(session.helo === undefined ? {} : { helo: session.helo }),
      ...(session.account === undefined ? {} : { login: session.account.login }),
      ...fact('messageId', message.field('Message-ID')),
      ...fact('subject', message.field('Subject')),
    },
  }
}

function fact(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value.slice(0, 200) }
}

async function plan(
  parts: IntakeParts,
  router: Router,
  message: OwnMessage,
  scope: AskScope,
): Promise<Acceptance | undefined> {
  const session = ownSession(message.id, parts.server)
  const recipient = { address: message.recipient, dsn: message.dsn }
  const envelope = {
    id: message.id,
    sender: message.sender,
    recipients: [recipient],
    parameters: new Map<string, string>(),
    utf8: message.utf8,
    body: '8BITMIME',
  } as const
  const routed = await router.route(session, new Set(session.labels), envelope, recipient, scope)
  // Trouble is not an answer: what caused this message must stay until it can be told.
  if ('kind' in routed && routed.kind === 'defer') throw new MailError('directory-unavailable', routed.text)
  if ('kind' in routed) {
    scope.log.warn(
      { id: message.id, to: formatAddress(message.recipient), text: routed.text },
      'own message has no route',
    )
    return undefined
  }
  const trace = receivedField(session, envelope, { server: parts.server.name, now: message.now })
  return {
    message: {
      id: message.id,
      body: { kind: 'memory', bytes: message.bytes },
      cuts: [],
      sender: message.sender,
      utf8: message.utf8,
      bodyType: '8BITMIME',
      received: message.now,
      origin: { listener: 'internal', reason: message.reason },
    },
    rows: buildRows(parts, [routed], [{ kind: 'keep' }], buildPrefix(trace, []), message.now),
    filings: [],
    trail: [
      { id: message.id, at: message.now, event: 'accepted', says: `Written here: ${message.reason}.`, facts: {} },
    ],
  }
}

function ownSession(id: string, server: ServerFacts): Session {
  const here = { address: '127.0.0.1', port: 0 }
  return {
    id,
    protocol: 'internal',
    listener: 'internal',
    remote: here,
    local: here,
    helo: server.name,
    extended: true,
    trusted: true,
    labels: new Set(['internal', 'trusted']),
  }
}
