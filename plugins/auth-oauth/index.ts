/**
 * Logs in by bearer token (OAUTHBEARER, XOAUTH2): signed ones by the provider's keys, others by asking the provider. A provider that is
 * down refuses nobody: people are asked to come again. Refusals are nobody's last word here, so that several providers can stand one
 * after the other in plugins.yaml; core refuses what none of them knows.
 */
import {
  type Accounts,
  type Answered,
  authenticated,
  type Credentials,
  defer,
  definePlugin,
  type Log,
  type Metrics,
  type PluginContext,
} from 'posthouse/api'
import { parseDuration, printable } from 'posthouse/text'
import { introspectionChecker } from './introspection.js'
import { jwtChecker } from './jwt.js'
import { ProviderDown, troubleOf } from './provider.js'
import { CONFIG, checkSettings, readClient, type Settings } from './settings.js'
import { type Checker, loginOf } from './token.js'

const MAX_TOKEN = 16 * 1024

export default definePlugin({
  name: 'auth-oauth',
  summary: 'logs in by tokens of an identity provider',
  config: CONFIG,
  needs: ['accounts'],
  async setup(context) {
    const { config, fault, services, metrics } = context
    checkSettings(config, fault)
    const checker = await checkerOf(context)
    const accounts = services.get('accounts')
    return {
      checks: ['token'],
      hooks: {
        auth: ({ credentials }, call) => check({ config, checker, accounts, metrics, log: call.log }, credentials),
      },
    }
  },
})

async function checkerOf(context: PluginContext<Settings>): Promise<Checker> {
  const { config, clock, log } = context
  const ms = (text: string) => parseDuration(text) ?? 0
  const { issuer, audience, algorithms } = config
  const common = { issuer, audience, clock, skewMs: ms(config.clock_skew), timeoutMs: ms(config.timeout) }
  if (config.jwks !== undefined)
    return jwtChecker({ ...common, url: config.jwks, algorithms, freshMs: ms(config.keep_keys), log })
  const client = await readClient(context, config.client_file)
  return introspectionChecker({ ...common, url: config.introspection!, client, keepMs: ms(config.keep_answers) })
}

interface Parts {
  readonly config: Settings
  readonly checker: Checker
  readonly accounts: Accounts
  readonly metrics: Metrics
  readonly log: Log
}

async function check(parts: Parts, credentials: Credentials): Promise<Answered['auth']> {
  if (credentials.kind !== 'token') return undefined
  const { token, login: wished } = credentials
  const { config, log, metrics } = parts
  const facts = { issuer: config.issuer, ...(wished && { login: printable(wished, 100) }) }
  try {
    const judged = await judge(parts, token, wished)
    if ('account' in judged) return authenticated(judged.account)
    metrics.count('refused')
    log.info({ ...facts, why: printable(judged.why) }, 'token refused')
    return undefined
  } catch (error) {
    if (!(error instanceof ProviderDown)) throw error
    metrics.count('providerDown')
    log.warn({ ...facts, ...troubleOf(error) }, 'tokens cannot be checked')
    return defer('Cannot check tokens right now, try again later', { code: 454, status: '4.7.0' })
  }
}

async function judge({ config, checker, accounts }: Parts, token: string, wished: string) {
  if (token.length > MAX_TOKEN) return { why: 'too long' }
  const checked = await checker(token)
  if (checked.kind === 'refused') return { why: checked.why }
  const named = loginOf(checked.claims, { loginClaim: config.login_claim, scopes: config.scope })
  if ('why' in named) return named
  const account = await find(accounts, named.login)
  if (account === undefined) return { why: `nobody here is ${named.login}` }
  if (account.disabled) return { why: 'the account is disabled' }
  const same = wished === '' || (await find(accounts, wished))?.id === account.id
  return same ? { account } : { why: `it is of ${named.login}` }
}

async function find(accounts: Accounts, login: string) {
  return (await accounts.byLogin(login)) ?? (login.includes('@') ? accounts.byAddress(login.toLowerCase()) : undefined)
}
