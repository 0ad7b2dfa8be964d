/**
 * Logging in, the same for LOGIN and AUTHENTICATE. A wrong password is answered late, and not often in one connection.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account, Credentials, Defer, Reject } from 'posthouse/api'
import { printable } from 'posthouse/text'
import { type Done, no, ok } from './answer.js'
import { ConversationOver } from './input.js'
import type { Session } from './session.js'
import type { CapabilityName } from './wire/features.js'

/** RFC 3501 §6.2.3, RFC 5530: the answer while the password could be read on the way. */
export function tlsFirst(session: Session): Done | undefined {
  if (session.standing.loginAllowed) return undefined
  return no('Logging in needs TLS first', 'PRIVACYREQUIRED')
}

export async function logIn(session: Session, credentials: Credentials): Promise<Done> {
  const refused = tlsFirst(session)
  if (refused) return refused
  const answer = await session.deps.authenticator.login(session.connection.peer, credentials)
  return conclude(session, credentials, answer)
}

/** What the authenticator said, as the client hears it. */
export async function conclude(
  session: Session,
  { login, mechanism }: Pick<Credentials, 'login' | 'mechanism'>,
  answer: Account | Reject | Defer,
): Promise<Done> {
  const facts = { login: printable(login, 100), mechanism }
  if (!('kind' in answer)) {
    session.logIn(answer, switchedOff(session, answer))
    const tls = session.connection.peer.tls?.protocol
    session.log.info({ ...facts, account: answer.id, ...(tls && { tls }) }, 'logged in')
    session.deps.metrics.count('imapLogins')
    // RFC 3501 §7.1: spares the client the question, as the list has changed.
    return ok('Logged in', `CAPABILITY ${session.capabilities.join(' ')}`)
  }
  if (answer.kind === 'defer') {
    session.log.warn({ ...facts, status: answer.status }, 'login not possible now')
    return no(answer.text, 'UNAVAILABLE')
  }
  session.log.info({ ...facts, remote: session.connection.peer.remote.address }, 'login refused')
  session.deps.metrics.count('imapLoginsRefused')
  return refuse(session, answer)
}

/** What the account does without. A name nobody knows switches nothing off, and is no reason to keep people out. */
function switchedOff(session: Session, { imapDisable = [], login }: Account): readonly CapabilityName[] {
  return imapDisable.flatMap(given => {
    const known = session.deps.capabilities.named(given)
    if ('name' in known) return [known.name]
    session.log.warn({ login, name: given, ...known }, 'the account switches off a capability nobody knows')
    return []
  })
}

async function refuse(session: Session, { code, text }: Reject): Promise<Done> {
  session.failedLogins += 1
  await pause(session.deps.settings.loginDelayMs, session.connection.signal)
  // RFC 5530 §3: another password would help, or a policy is against it whatever the password.
  const done = no(text, code === 535 ? 'AUTHENTICATIONFAILED' : 'CONTACTADMIN')
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
