/**
 * Logs in by client certificate (SASL EXTERNAL): which account a certificate stands for. That it is one of ours has been checked by TLS
 * before (`client_ca`); nothing here looks at a certificate that was not. Nobody gets another account by wishing for it.
 */
import {
  type Account,
  type Accounts,
  type Answered,
  authenticated,
  type ClientCertificate,
  ConfigError,
  type Credentials,
  definePlugin,
  type Log,
  reject,
} from 'posthouse/api'
import { printable } from 'posthouse/text'
import { readFingerprints } from './fingerprints.js'

const WAYS = ['fingerprint', 'address', 'name'] as const
type Way = (typeof WAYS)[number]

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    by: {
      type: 'array',
      items: { enum: WAYS },
      minItems: 1,
      uniqueItems: true,
      default: ['fingerprint'],
      description:
        'what of a certificate says whose it is, in this order: fingerprint (the list), address (an e-mail address in it), name (its common name is a login)',
    },
    file: {
      type: 'string',
      minLength: 1,
      default: 'certificates.yaml',
      description: 'the list of fingerprints and logins, seen from the config directory; may be missing',
    },
  },
} as const

export default definePlugin({
  name: 'auth-certificate',
  summary: 'logs in by client certificate',
  config: CONFIG,
  needs: ['accounts'],
  async setup({ config, files, services }) {
    const { logins, faults } = await readFingerprints(files, config.file)
    if (faults.length > 0) throw new ConfigError(faults)
    const accounts = services.get('accounts')
    return {
      checks: ['certificate'],
      hooks: {
        auth: ({ credentials }, call) => check({ ways: config.by, logins, accounts, log: call.log }, credentials),
      },
    }
  },
})

interface Parts {
  readonly ways: readonly Way[]
  /** By fingerprint. */
  readonly logins: ReadonlyMap<string, string>
  readonly accounts: Accounts
  readonly log: Log
}

async function check(parts: Parts, credentials: Credentials): Promise<Answered['auth']> {
  if (credentials.kind !== 'certificate') return undefined
  const { certificate, login } = credentials
  const facts = { fingerprint: certificate.fingerprint, ...(login && { login: printable(login, 100) }) }
  const found = await ownerOf(parts, certificate)
  // Another plugin may know it.
  if (found === undefined) {
    parts.log.info(facts, 'certificate belongs to no account')
    return undefined
  }
  const wished = login === '' ? found.account : await parts.accounts.byLogin(login)
  if (wished?.id === found.account.id && !found.account.disabled) return authenticated(found.account)
  parts.log.info({ ...facts, by: found.way }, 'certificate is not of that account')
  return reject('Authentication failed', { code: 535, status: '5.7.8' })
}

async function ownerOf(
  { ways, logins, accounts }: Parts,
  certificate: ClientCertificate,
): Promise<{ readonly way: Way; readonly account: Account } | undefined> {
  for (const way of ways) {
    const account = await ACCOUNTS_BY[way](certificate, accounts, logins)
    if (account !== undefined) return { way, account }
  }
  return undefined
}

type Find = (
  certificate: ClientCertificate,
  accounts: Accounts,
  logins: Parts['logins'],
) => Promise<Account | undefined>

const ACCOUNTS_BY: Readonly<Record<Way, Find>> = {
  async fingerprint({ fingerprint }, accounts, logins) {
    const login = logins.get(fingerprint)
    return login === undefined ? undefined : accounts.byLogin(login)
  },
  /** Of several addresses all must be of one account: which of two is meant nobody can tell. */
  async address({ addresses }, accounts) {
    const owners = await Promise.all(addresses.map(address => accounts.byAddress(address.toLowerCase())))
    const known = owners.filter(owner => owner !== undefined)
    return new Set(known.map(({ id }) => id)).size === 1 ? known[0] : undefined
  },
  async name({ name }, accounts) {
    return name === undefined || name === '' ? undefined : accounts.byLogin(name)
  },
}
