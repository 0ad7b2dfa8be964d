/**
 * Logging in, the same for LOGIN and AUTHENTICATE. A wrong password is answered late, and not often in one connection.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Credentials } from 'posthouse/api'
import { printable } from 'posthouse/text'
import { type Done, no, ok } from './answer.js'
import { ConversationOver } from './input.js'
import type { Session } from './session.js'

/** RFC 3501 §6.2.3, RFC 5530: the answer while the password could be read on the way. */
export function tlsFirst(session: Session): Done | undefined {
  if (session.standing.loginAllowed) return undefined
  return no('Logging in needs TLS first', 'PRIVACYREQUIRED')
}

export async function logIn(session: Session, credentials: Credentials): Promise<Done> {
  const refused = tlsFirst(session)
  if (refused) return refused
  const answer = await session.deps.authenticator.login(session.connection.peer, credentials)
  const facts = { login: printable(credentials.login, 100), mechanism: credentials.mechanism }
  if (!('kind' in answer)) {
    session.account = answer
    const tls = session.connection.peer.tls?.protocol
    session.log.info({ ...facts, account: answer.id, ...(tls && { tls }) }, 'logged in')
    session.deps.metrics.count('imapLogins')
    // RFC 3501 §7.1: spares the client the question, as the list has changed.
    return ok('Logged in', `CAPABILITY ${session.capabilities.join(' ')}`)
  }
  if (answer.kind === 'defer') {
    session.log.warn({ ...facts, status: answer.status }, 'login not possible now')
    return no('Cannot check passwords right now, try again later', 'UNAVAILABLE')
  }
  session.log.info({ ...facts, remote: session.connection.peer.remote.address }, 'login refused')
  session.deps.metrics.count('imapLoginsRefused')
  return refuse(session)
}

async function refuse(session: Session): Promise<Done> {
  session.failedLogins += 1
  await pause(session.deps.settings.loginDelayMs, session.connection.signal)
  const done = no('Wrong login or password', 'AUTHENTICATIONFAILED')
  if (session.failedLogins < session.deps.settings.maxLogins) return done
  const after = async () => {
    throw new ConversationOver('logins')
  }
  return { ...done, after }
}

/** Ends early when the server drains. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(error => {
    if (!signal.aborted) throw error
  })
}
