/** An authenticator as core's, over one function that checks passwords. */
import { type Account, type Authenticator, type Defer, type Reject, reject } from '../../core/api/index.js'

type Check = (login: string, password: string) => Account | Reject | Defer

export function authenticatorOf(check: Check): Authenticator {
  return {
    async login(_peer, credentials) {
      if (credentials.kind !== 'password') return reject('wrong', { code: 535, status: '5.7.8' })
      return check(credentials.login, credentials.password)
    },
    mechanisms: (_peer, _binding, clear) => (clear ? ['PLAIN', 'LOGIN'] : []),
    start: () => undefined,
  }
}
