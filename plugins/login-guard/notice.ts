/**
 * The mail to postmaster about a lock. One a day about each account; one in six hours about networks and pairs, however many there are:
 * whoever attacks from ten thousand addresses shall not fill a mailbox as well.
 */
import type { Notice } from 'posthouse/api'
import type { Lock } from './ledger.js'
import { describe, liftOf, meaningOf, timeOf } from './words.js'

const NETWORKS_EVERY_MS = 6 * 3_600_000

export function noticeOf(lock: Lock): Notice {
  const who = describe(lock)
  const text = [
    `After ${lock.failures} failed log-ins ${who} is locked until ${timeOf(lock.until)}.`,
    `Locked out: ${meaningOf(lock)}. Each further lock within a week is longer.`,
    '',
    `To lift it:   ${liftOf(lock)}`,
    'To see all:   posthouse login locks',
    'Networks that shall never be locked out stand under never: of login-guard in plugins.yaml.',
    '',
  ]
  if (lock.kind === 'account') {
    const safe = 'Who logs in from a network known for the account is let in as ever.'
    return about(`login-lock ${lock.name}`, `Log-ins of ${who} are locked for strangers`, [...text, safe])
  }
  const more = 'Other networks that are locked within the next hours are not told by mail.'
  const notice = about('login-lock networks', `Log-ins locked: ${who}`, [...text, more])
  return { ...notice, everyMs: NETWORKS_EVERY_MS }
}

function about(name: string, subject: string, lines: readonly string[]): Notice {
  return { about: name, subject, text: `${lines.join('\n')}\n` }
}
