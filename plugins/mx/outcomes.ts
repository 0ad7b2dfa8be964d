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
