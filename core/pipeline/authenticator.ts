/**
 * The protocol-neutral log-in service: SMTP, POP3 and IMAP all come here, and it asks the `auth` hooks with their deadlines and
 * failure policy. It never throws for "no"; trouble is `454 4.7.0`.
 */
import {
  type Account,
  type Authenticator,
  type Credentials,
  type Defer,
  type Log,
  type Peer,
  type Reject,
  reject,
} from '../api/index.js'
import type { Pipeline } from './pipeline.js'

/** Longer ones are nobody's password and only cost hashing time. RFC 4616 §2 sets no bound. */
const MAX_SECRET_CHARACTERS = 1024

export function createAuthenticator(pipeline: Pipeline, log: Log, signal: AbortSignal): Authenticator {
  return {
    async login(peer: Peer, credentials: Credentials): Promise<Account | Reject | Defer> {
      if (tooLong(credentials)) return refused()
      const scope = { log: log.child({ id: peer.id }), signal }
      const answer = await pipeline.ask('auth', { peer, credentials }, labelsOf(peer), scope)
      if (answer === undefined) return refused()
      if (answer.kind !== 'authenticated') return answer
      return answer.account.disabled === true ? refused() : answer.account
    },
    mechanisms: (_peer, _binding, clear) => (clear ? ['PLAIN', 'LOGIN'] : []),
    start: () => undefined,
  }
}

function tooLong(credentials: Credentials): boolean {
  if (credentials.kind !== 'password') return credentials.login.length > MAX_SECRET_CHARACTERS
  const { login, password } = credentials
  return login === '' || login.length > MAX_SECRET_CHARACTERS || password.length > MAX_SECRET_CHARACTERS
}

function labelsOf(peer: Peer): Set<string> {
  return new Set(peer.tls === undefined ? [peer.listener] : [peer.listener, 'tls'])
}

// RFC 4954 §6: the same words whether the user is unknown, disabled or the password wrong.
function refused(): Reject {
  return reject('Authentication failed', { code: 535, status: '5.7.8' })
}
