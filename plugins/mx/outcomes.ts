/**
 * From what a peer did to what became of a recipient. Pure. Only a real 5xx makes a failure; everything unclear is deferred.
 */
import type { Outcome } from 'posthouse/api'
import type { Reply } from './client/reply.js'
import type { MailSession } from './client/session.js'
import type { RecipientResult } from './client/transaction.js'
import { Refused, Trouble } from './client/trouble.js'

export function outcomeOf(row: number, result: RecipientResult, session: MailSession): Outcome {
  const { remote } = session.connection
  switch (result.kind) {
    case 'accepted':
      return delivered(row, result.reply, session)
    case 'refused':
      if (session.downgraded && isAboutTls(result.reply)) return forWantOfTls(row, result.reply, session)
      return {
        ...refusal(row, result.reply, remote, `${remote} refused ${STAGES[result.stage]}: ${result.reply.text}`),
        stage: SAID_AT[result.stage],
        ...bySource(session),
      }
    case 'broken': {
      const { trouble, unknown } = result
      const text = unknown
        ? `${remote} did not say whether it took the message: ${trouble.message}`
        : `${remote}: ${trouble.message}`
      return { kind: 'deferred', row, status: trouble.status, text, remote, ...bySource(session) }
    }
  }
}

/** RFC 3207 §4: 530; RFC 5248 §2.4: X.7.10 with 523; others put it in words. */
function isAboutTls({ code, status, text }: Reply): boolean {
  return code === 530 || code === 523 || status === '5.7.10' || (code >= 500 && /tls|encrypt/i.test(text))
}

/** It offered TLS, and we did without as it did not come about: that may go well the next time. Without the reply, as what it says of mail is not meant. */
function forWantOfTls(row: number, { text: said }: Reply, session: MailSession): Outcome {
  const { remote } = session.connection
  const text = `${remote} takes nothing without TLS (${said}), and ${session.clear ?? 'there was none'}`
  return { kind: 'deferred', row, status: '4.7.5', text, remote, ...bySource(session) }
}

type Delivered = Extract<Outcome, { kind: 'delivered' }>

function delivered(row: number, { text: reply }: Reply, session: MailSession): Delivered {
  const { security, source } = session
  const { remote, tls } = session.connection
  const { dsn, leastBySeconds } = session.extensions
  const outcome: { -readonly [K in keyof Delivered]: Delivered[K] } = { kind: 'delivered', row, remote, reply }
  if (tls !== undefined) outcome.tls = tls
  if (security !== undefined) outcome.security = security
  if (source !== undefined) outcome.source = source
  if (dsn) outcome.reports = true
  if (leastBySeconds !== undefined) outcome.timed = true
  return outcome
}

function bySource({ source }: MailSession): { readonly source?: string } {
  return source === undefined ? {} : { source }
}

type Refusal = Extract<Outcome, { kind: 'failed' | 'deferred' }>

export interface TlsDemand {
  /** `the message asks for TLS all the way` */
  readonly words: string
  /** It is the message that asks: what cannot be had is a failure. */
  readonly final: boolean
}

const STAGES = {
  MAIL: 'the sender',
  RCPT: 'the recipient',
  DATA: 'the message',
  'end of data': 'the message',
} as const

const SAID_AT = { MAIL: 'mail', RCPT: 'rcpt', DATA: 'data', 'end of data': 'end' } as const

/** The session never came about. `demand`: who asks for TLS that is proven. */
export function outcomeOfError(row: number, error: unknown, remote: string, demand?: TlsDemand): Refusal {
  if (error instanceof Refused)
    return { ...refusal(row, error.reply, remote, `${remote}: ${error.message}`), stage: 'connect' }
  if (error instanceof Trouble && demand !== undefined && (error.kind === 'untrusted' || error.kind === 'tls')) {
    const text = `${demand.words}; ${remote}: ${error.message}`
    // RFC 8689 §4.2.1: 5.7.10 when it is the TLS that cannot be had.
    if (demand.final && error.kind === 'untrusted') return { kind: 'failed', row, status: '5.7.10', text, remote }
    // RFC 8461 §5: treated as a passing error.
    return { kind: 'deferred', row, status: error.status, text, remote }
  }
  if (error instanceof Trouble) {
    return { kind: 'deferred', row, status: error.status, text: `${remote}: ${error.message}`, remote }
  }
  throw error
}

function refusal(row: number, reply: Reply, remote: string, text: string): Refusal {
  const permanent = reply.code >= 500
  return {
    kind: permanent ? 'failed' : 'deferred',
    row,
    status: reply.status ?? (permanent ? '5.0.0' : '4.0.0'),
    text,
    remote,
    reply: reply.text,
  }
}
