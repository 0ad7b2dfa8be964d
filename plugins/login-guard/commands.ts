/** `posthouse login …`: sees and lifts locks, beside a running server or without one. */
import { type Accounts, type Clock, type Command, CommandError, type CommandRun } from 'posthouse/api'
import { printable } from 'posthouse/text'
import { findAccount, whoIs } from './account.js'
import { type Ledger, LOCK_KINDS, type Lock, type LockKind } from './ledger.js'
import { rangeOf, readNetwork } from './networks.js'
import { describe, liftOf, meaningOf, timeOf } from './words.js'

export interface LoginCommandParts {
  readonly ledger: Ledger
  readonly clock: Clock
  accounts(): Accounts | undefined
}

export function loginCommands(parts: LoginCommandParts): readonly Command[] {
  return [
    {
      name: 'login locks',
      summary: 'list networks and accounts that are locked after failed log-ins',
      arity: [0, 0],
      run: run => locks(parts, run),
    },
    {
      name: 'login unlock',
      summary: 'lift locks of a network or an account, and forget what led to them',
      usage: 'NETWORK|LOGIN',
      arity: [1, 1],
      run: run => unlock(parts, run),
    },
    {
      name: 'login history',
      summary: 'list networks an account has logged in from, and those that tried in vain',
      usage: 'LOGIN',
      arity: [1, 1],
      run: run => history(parts, run),
    },
  ]
}

async function locks({ ledger, clock }: LoginCommandParts, run: CommandRun): Promise<void> {
  const now = clock.now()
  const all = await ledger.locks(now)
  if (run.json) return run.print(JSON.stringify(all.map(told), null, 2))
  if (all.length === 0) run.warn('nobody is locked')
  for (const lock of all) {
    const { kind, failures, until } = lock
    run.print(`${kind.padEnd(7)}  ${describe(lock)}  until ${timeOf(until)}  after ${failures} failures`)
    const kept = lock.observed ? 'nobody is locked out (mode: observe), it would be' : 'locked out:'
    run.print(`         ${kept} ${meaningOf(lock)}; lift: ${liftOf(lock)}`)
  }
}

function told(lock: Lock): object {
  const { kind, name, login, network, failures, since, until, observed } = lock
  return {
    kind,
    ...(kind === 'network' || kind === 'range' ? { network: name } : { login, ...(network && { network }) }),
    failures,
    since: timeOf(since),
    until: timeOf(until),
    lockedOut: meaningOf(lock),
    ...(observed && { observed }),
    lift: liftOf(lock),
  }
}

async function unlock(parts: LoginCommandParts, run: CommandRun): Promise<void> {
  const { ledger, clock } = parts
  const [text] = run.args as readonly [string]
  const network = readNetwork(text)
  const name = printable(text, 100)
  if (network === undefined && /^[0-9a-f:.]+\/\d+$/i.test(text))
    throw new CommandError(`${name} is not counted as one; expected an address, a /24 of IPv4, or a /64 or /48 of IPv6`)
  const lifted = network === undefined ? await ofLogin(parts, text) : await ofNetwork(ledger, network, clock.now())
  if (run.json) run.print(JSON.stringify({ lifted }))
  else if (lifted === 0) run.warn(`${name} was not locked; what it has failed is forgotten`)
  else run.print(`lifted ${lifted} ${lifted === 1 ? 'lock' : 'locks'} of ${name}`)
  const range = network?.kind === 'network' ? rangeOf(network.name) : undefined
  if (range !== undefined && (await ledger.isLocked('range', range, clock.now())))
    run.warn(`the range around it is still locked; lift: posthouse login unlock ${range}`)
}

async function ofNetwork(
  ledger: Ledger,
  { kind, name }: { readonly kind: 'network' | 'range'; readonly name: string },
  now: number,
): Promise<number> {
  const within = kind === 'network' ? (unit: string) => unit === name : (unit: string) => rangeOf(unit) === name
  const networks = kind === 'network' ? [name] : await ledger.namesOf('network', within, now)
  const pairs = await ledger.namesOf('pair', pair => within(pair.slice(pair.indexOf('|') + 1)), now)
  const ranges = kind === 'range' ? [name] : []
  return forgive(ledger, { network: networks, pair: pairs, range: ranges }, now)
}

async function ofLogin({ ledger, clock, accounts }: LoginCommandParts, login: string): Promise<number> {
  const { account } = await whoIs(login, accounts())
  if (account === undefined) throw new CommandError('whose? Give a login or a network')
  const pairs = await ledger.namesOf('pair', pair => pair.startsWith(`${account}|`), clock.now())
  return forgive(ledger, { account: [account], pair: pairs }, clock.now())
}

async function forgive(
  ledger: Ledger,
  names: { readonly [K in LockKind]?: readonly string[] },
  now: number,
): Promise<number> {
  let lifted = 0
  for (const kind of LOCK_KINDS)
    for (const name of names[kind] ?? []) if (await ledger.forgive(kind, name, now)) lifted += 1
  return lifted
}

async function history({ ledger, clock, accounts }: LoginCommandParts, run: CommandRun): Promise<void> {
  const [login] = run.args as readonly [string]
  const account = await findAccount(login, accounts())
  if (account === undefined) throw new CommandError(`no account "${printable(login, 100)}"`)
  const { logins, failures } = await ledger.history(account.id, clock.now())
  if (run.json) {
    const at = <T extends { readonly at: number }>(entry: T) => ({ ...entry, at: timeOf(entry.at) })
    return run.print(
      JSON.stringify({ login: account.login, logins: logins.map(at), failures: failures.map(at) }, null, 2),
    )
  }
  if (logins.length === 0 && failures.length === 0)
    run.warn(
      `nothing is known of log-ins of ${account.login}; those from networks under \`never\` (as shipped: loopback) are not kept`,
    )
  for (const { network, at, protocol } of logins) run.print(`${network}  logged in by ${protocol}, about ${timeOf(at)}`)
  for (const { network, at, failures: n } of failures) run.print(`${network}  ${n} failed, last ${timeOf(at)}`)
}
