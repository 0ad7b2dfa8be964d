/**
 * Tells people of the house something by mail: a lock-out, a certificate that runs out, mail that is held. Such a message is routed and
 * stored as any other of our own; about one thing nothing more is sent for a while, so that trouble does not fill a mailbox.
 */
import { createHash } from 'node:crypto'
import type {
  Address,
  Clock,
  Log,
  Mailer,
  Notice,
  Notifier,
  OwnMail,
  ServerFacts,
  State,
  Store,
  Trail,
} from '../api/index.js'
import { encodeWords, foldField, formatAddress, formatDate, newId } from '../text/index.js'
import type { Intake, OwnMessage } from './intake-types.js'

const EVERY_MS = 86_400_000
const ROUTE_MS = 60_000

export interface NotifierParts {
  readonly intake: Pick<Intake, 'plan'>
  readonly store: Pick<Store, 'accept'> & { readonly trail: Pick<Trail, 'of'> }
  /** Without it every notice is sent. */
  readonly state: State | undefined
  readonly server: ServerFacts
  /** Ours, in the order of the config. */
  readonly domains: readonly string[]
  readonly clock: Clock
  readonly log: Log
}

export function createNotifier(parts: NotifierParts): Notifier & Mailer {
  return {
    async tell(notice) {
      try {
        return (await isNews(parts, notice)) && (await sendOrForget(parts, notice))
      } catch (error) {
        parts.log.error({ err: error, about: notice.about, subject: notice.subject }, 'notice could not be sent')
        return false
      }
    },
    async send({ sender, to, bytes, reason, once }) {
      const now = parts.clock.now()
      const id = `${once === undefined ? newId(now) : idOf(once)}.1`
      // Its entry was committed with the message.
      if (once !== undefined && (await parts.store.trail.of(id)).length > 0) return id
      return (await accept(parts, { id, sender, recipient: to, bytes, now, reason })) ? id : undefined
    },
  }
}

function idOf({ key, at }: NonNullable<OwnMail['once']>): string {
  return newId(at, () => createHash('sha256').update(key).digest())
}

/** What could not be sent has not been told: the next one about it is news again. */
async function sendOrForget(parts: NotifierParts, notice: Notice): Promise<boolean> {
  let sent = false
  try {
    sent = await send(parts, notice)
    return sent
  } finally {
    if (!sent) await parts.state?.remove(turnKey(notice))
  }
}

/** The first one in its time; counted, so that of two workers one sends. */
async function isNews({ state, clock }: NotifierParts, notice: Notice): Promise<boolean> {
  if (state === undefined) return true
  const budget = { limit: 1, windowMs: notice.everyMs ?? EVERY_MS }
  const { granted } = await state.spend(turnKey(notice), 1, budget, clock.now())
  return granted
}

function turnKey({ about }: Notice): string {
  return `notices/${about}`
}

/** False when nobody takes it. */
async function send(parts: NotifierParts, notice: Notice): Promise<boolean> {
  const now = parts.clock.now()
  const recipient = notice.to ?? postmaster(parts)
  const id = `${newId(now)}.1`
  const bytes = write(parts.server.name, recipient, notice, id, now)
  if (!(await accept(parts, { id, sender: null, recipient, bytes, now, reason: notice.subject }))) return false
  parts.log.info({ id, to: formatAddress(recipient), about: notice.about, subject: notice.subject }, 'notice sent')
  return true
}

/** False when nobody takes it. */
async function accept(parts: NotifierParts, message: Omit<OwnMessage, 'dsn' | 'utf8'>): Promise<boolean> {
  const scope = { signal: AbortSignal.timeout(ROUTE_MS), log: parts.log }
  const planned = await parts.intake.plan({ ...message, dsn: { notify: ['never'] }, utf8: false }, scope)
  if (planned !== undefined) await parts.store.accept(planned)
  return planned !== undefined
}

/** RFC 5321 §4.5.1: every server has one. */
function postmaster({ domains, server }: NotifierParts): Address {
  return { local: 'postmaster', domain: domains[0] ?? server.name }
}

function write(server: string, to: Address, { subject, text }: Notice, id: string, now: number): Buffer {
  const header = [
    foldField('From', `Posthouse <postmaster@${server}>`),
    foldField('To', formatAddress(to)),
    foldField('Subject', encodeWords(subject)),
    foldField('Date', formatDate(now)),
    foldField('Message-ID', `<${id}@${server}>`),
    // RFC 3834 §5
    foldField('Auto-Submitted', 'auto-generated'),
    foldField('MIME-Version', '1.0'),
    foldField('Content-Type', 'text/plain; charset=utf-8'),
    foldField('Content-Transfer-Encoding', 'base64'),
  ].join('')
  const body = Buffer.from(text.replace(/\r?\n/g, '\r\n'))
    .toString('base64')
    .replace(/.{1,76}/g, '$&\r\n')
  return Buffer.from(`${header}\r\n${body}`)
}
