/**
 * Logging in, the same for USER/PASS and AUTH. A wrong password is answered late, and not often in one connection;
 * a right one opens the maildrop, and only both together make the transaction state.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account, Credentials, Defer, Reject } from 'posthouse/api'
import { printable } from 'posthouse/text'
import { type Answer, no, ok } from './answer.js'
import { Maildrop } from './maildrop.js'
import type { Session } from './session.js'

/** The answer while the password could be read on the way. */
export function tlsFirst(session: Session): Answer | undefined {
  return session.standing.loginAllowed ? undefined : no(session.texts.tlsFirst)
}

export async function logIn(session: Session, credentials: Credentials): Promise<Answer> {
  const answer = await session.deps.authenticator.login(session.connection.peer, credentials)
  return conclude(session, credentials, answer)
}

/** What the authenticator said, as the client hears it. */
export async function conclude(
  session: Session,
  { login, mechanism }: Pick<Credentials, 'login' | 'mechanism'>,
  answer: Account | Reject | Defer,
): Promise<Answer> {
  const { connection, deps } = session
  const facts = { login: printable(login, 100), mechanism }
  if (!('kind' in answer)) {
    const waitMs = await waitFor(session, answer)
    if (waitMs > 0) return no(session.texts.tooSoon(Math.ceil(waitMs / 1000)), 'LOGIN-DELAY')
    const maildrop = await Maildrop.open(deps.store, answer, deps.movements)
    session.enter(answer, maildrop)
    deps.metrics.count('pop3Logins')
    return ok(session.texts.messages(maildrop.total))
  }
  if (answer.kind === 'defer') {
    connection.log.warn({ ...facts, status: answer.status }, 'login not possible now')
    return no(printable(answer.text), 'SYS/TEMP')
  }
  connection.log.info({ ...facts, remote: connection.peer.remote.address }, 'login refused')
  deps.metrics.count('pop3LoginsRefused')
  return refuse(session, answer)
}

/** RFC 2449 §8.1.1: milliseconds until this account may log in again. One that may is counted. */
async function waitFor({ deps }: Session, { id }: Account): Promise<number> {
  const { loginIntervalMs } = deps.settings
  if (loginIntervalMs === 0) return 0
  const { waitMs } = await deps.state.spend(`login:${id}`, 1, { limit: 1, windowMs: loginIntervalMs }, deps.clock.now())
  return waitMs
}

async function refuse(session: Session, { code, text }: Reject): Promise<Answer> {
  const { settings } = session.deps
  session.failedLogins += 1
  await pause(settings.loginDelayMs, session.connection.signal)
  // RFC 3206 §4: the user should be asked for the password again, or the admin.
  if (session.failedLogins < settings.maxLogins) return no(printable(text), code === 535 ? 'AUTH' : 'SYS/PERM')
  return { kind: 'bye', good: false, code: 'AUTH', text: session.texts.tooManyLogins, reason: 'logins' }
}

/** Ends early when the server drains. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
