/**
 * Certificates that run out: the log says so every day, postmaster gets a mail at each mark. Marks beyond a quarter of a certificate's
 * life do not count: one that lives for six days has not run wild on its first.
 */
import type { Clock, Log, Notifier } from '../api/index.js'
import type { TlsPair, TlsSource } from '../net/types.js'
import { type CertificateFacts, readCertificate } from '../text/certificate.js'

export const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** Days. */
const MARKS = [21, 14, 7, 3, 1, 0] as const
/** A mark is told of once. */
const ONCE_MS = 60 * DAY_MS

/** The last mark that was passed, in days before the end; 0 when it has run out. */
export function expiryMark({ from, until }: Pick<CertificateFacts, 'from' | 'until'>, now: number): number | undefined {
  const most = (until - from) / DAY_MS / 4
  return MARKS.filter(mark => mark <= most && until - now <= mark * DAY_MS).at(-1)
}

export interface Expiring {
  readonly pair: TlsPair
  readonly facts: CertificateFacts
  readonly mark: number
}

export function expiring(pairs: readonly TlsPair[], now: number): readonly Expiring[] {
  return pairs.flatMap(pair => {
    const facts = readCertificate(pair.certificate)
    const mark = facts === undefined ? undefined : expiryMark(facts, now)
    return facts === undefined || mark === undefined ? [] : [{ pair, facts, mark }]
  })
}

/** The supervisor does this every day. */
export function logExpiring(pairs: readonly TlsPair[], log: Log, now: number): void {
  for (const { pair, facts, mark } of expiring(pairs, now)) {
    const told = { names: pair.names, origin: pair.origin, until: date(facts.until) }
    if (mark === 0) log.error(told, 'certificate has run out')
    else log.warn({ ...told, days: daysLeft(facts, now) }, 'certificate runs out soon')
  }
}

export interface ExpiryWatch {
  readonly tls: Pick<TlsSource, 'pairs'>
  readonly notifier: Notifier
  readonly clock: Clock
}

/** Workers do this, and the notifier sees to it that one mail is sent. Looks now and every hour, until the function it gives is called. */
export function watchExpiry({ tls, notifier, clock }: ExpiryWatch): () => void {
  const look = () => {
    const now = clock.now()
    for (const one of expiring(tls.pairs, now)) void notifier.tell({ ...notice(one, now), everyMs: ONCE_MS })
  }
  look()
  const timer = setInterval(look, HOUR_MS).unref()
  return () => clearInterval(timer)
}

function notice({ pair, facts, mark }: Expiring, now: number): { about: string; subject: string; text: string } {
  const name = pair.names[0] ?? facts.commonName ?? 'this server'
  const when = mark === 0 ? `has run out on ${date(facts.until)}` : `runs out in ${daysLeft(facts, now)} days`
  const lines = [
    `The certificate for ${pair.names.join(', ') || name} ${when} (${new Date(facts.until).toISOString()}).`,
    '',
    `It was issued by ${facts.issuer} and is kept in ${pair.origin}.`,
    'When the file is replaced, the server takes the new one within half a minute, or at once by: posthouse tls reload',
    'All certificates: posthouse tls ls',
  ]
  const about = `certificate ${facts.fingerprint.slice(0, 32)} ${mark}`
  return { about, subject: `The certificate of ${name} ${when}`, text: lines.join('\n') }
}

export function daysLeft({ until }: Pick<CertificateFacts, 'until'>, now: number): number {
  return Math.floor((until - now) / DAY_MS)
}

function date(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
