/** Core's authenticator as it is, over one function that checks passwords instead of plugins. */
import {
  type Account,
  type Accounts,
  type Authenticator,
  authenticated,
  type Credentials,
  type Defer,
  type Hooks,
  type LoginOutcome,
  type Reject,
} from '../../core/api/index.js'
import { LoginGate } from '../../core/pipeline/gate.js'
import { Pipeline } from '../../core/pipeline/pipeline.js'
import { createAuthenticator } from '../../core/sasl/authenticator.js'
import { rememberingLog } from '../../core/testing/index.js'

type Answer = Account | Reject | Defer
type Check = (login: string, password: string) => Answer

export interface AuthenticatorOptions {
  /** For SCRAM. */
  readonly accounts?: Accounts
  readonly checks?: readonly Credentials['kind'][]
  /** Of credentials that are no passwords; without it they are refused. */
  readonly other?: (credentials: Credentials) => Answer
  /** The hook before a secret is looked at. */
  readonly login?: Hooks['login']
  readonly over?: (outcome: LoginOutcome) => void
  readonly secret?: () => Promise<Buffer>
}

const NEVER = new AbortController().signal

export function authenticatorOf(check: Check, options: AuthenticatorOptions = {}): Authenticator {
  const hooks: Hooks = {
    auth({ credentials }) {
      const isPassword = credentials.kind === 'password'
      const answer = isPassword ? check(credentials.login, credentials.password) : options.other?.(credentials)
      return answer === undefined || 'kind' in answer ? answer : authenticated(answer)
    },
    ...(options.login && { login: options.login }),
    loginOver: outcome => options.over?.(outcome),
  }
  const entry = { plugin: 'test', hooks, unless: [], on: [], timeoutMs: 300, onError: 'defer' } as const
  const log = rememberingLog()
  return createAuthenticator({
    gate: new LoginGate(new Pipeline([entry], { count: () => undefined, observe: () => undefined }), log),
    log,
    accounts: options.accounts,
    checks: new Set(options.checks),
    secret: options.secret ?? (async () => Buffer.alloc(32, 7)),
    signal: NEVER,
  })
}
