/** `posthouse user change` and `user rename`: an account stays the same one, with its mail and its id, whatever else it gets. */
import {
  ACCOUNT_CLOSED,
  ACCOUNT_LIMITS,
  type AccountLimits,
  type Bus,
  type Command,
  CommandError,
  type CommandRun,
} from 'posthouse/api'
import { addressKey, parseAddress } from 'posthouse/text'
import type { StoredAccount } from './accounts-file.js'
import { clearly } from './clearly.js'
import {
  addressesOf,
  readCapabilities,
  readGrace,
  readLimit,
  readLogin,
  readMessages,
  readPlace,
  readProtocolList,
  readQuota,
} from './reading.js'
import { line, told } from './told.js'
import { changeOwn, type OwnParts, ownAccount } from './whose.js'

export interface ChangeParts extends OwnParts {
  readonly domains: ReadonlySet<string>
  readonly bus: Pick<Bus, 'publish'>
}

const LIMITED = {
  messages: 'messages it may send, as 500/1d',
  recipients: 'recipients it may write to, as 2000/1d',
  bytes: 'octets it may send, as 200MB/1d',
  concurrent: 'SMTP sessions it may send by at the same time',
} as const satisfies Record<keyof AccountLimits, string>

function limitOption(name: keyof AccountLimits) {
  const description = `${LIMITED[name]}; unlimited, or none for what everybody may`
  return { type: 'string', value: 'LIMIT', description } as const
}

const CHANGES = {
  quota: { type: 'string', value: 'SIZE', description: 'most mail the account may hold, as 1GB; none for no bound' },
  'quota-messages': {
    type: 'string',
    value: 'NUMBER',
    description: 'most messages the account may hold; none for no bound',
  },
  'quota-grace': {
    type: 'string',
    value: 'PERCENT',
    description: 'how far its mail may go beyond the quota for a while, as 10; none: as everybody’s',
  },
  place: {
    type: 'string',
    value: 'NAME',
    description: 'where its mail goes in place of its mailbox: a name of the entry places; none: as the entry says',
  },
  disable: { type: 'boolean', description: 'nobody can log in any more and open sessions end; mail still comes in' },
  enable: { type: 'boolean', description: 'its password counts again' },
  'limit-messages': limitOption('messages'),
  'limit-recipients': limitOption('recipients'),
  'limit-bytes': limitOption('bytes'),
  'limit-concurrent': limitOption('concurrent'),
  'no-main-password': {
    type: 'string',
    value: 'PROTOCOLS',
    description: 'where only app passwords count, as imap,smtp; none: its own password counts everywhere',
  },
  'imap-disable': {
    type: 'string',
    value: 'NAMES',
    description: 'IMAP capabilities it does without, as CONDSTORE,COMPRESS=DEFLATE; none: it has all of the server',
  },
} as const

export function changeCommands(parts: ChangeParts): readonly Command[] {
  return [
    {
      name: 'user change',
      summary: 'give an account other addresses, another quota or limits, or close it for log-ins',
      usage: 'LOGIN [ADDRESS…]',
      arity: [1, 100],
      options: CHANGES,
      run: run => clearly(() => change(parts, run)),
    },
    {
      name: 'user rename',
      summary: 'give an account another login; its mail, passwords and addresses stay',
      usage: 'LOGIN NEW-LOGIN',
      arity: [2, 2],
      options: {
        'drop-address': { type: 'boolean', description: 'the old login is none of its addresses any more' },
      },
      run: run => clearly(() => rename(parts, run)),
    },
  ]
}

/** What is not said stays; addresses take the place of all there were. */
async function change(parts: ChangeParts, run: CommandRun): Promise<void> {
  const account = await ownAccount(parts, run.args[0]!)
  const { login } = account
  const given = run.args.slice(1)
  if (given.length === 0 && !Object.keys(CHANGES).some(name => (run.options[name] ?? false) !== false))
    throw new CommandError(`nothing to change: give addresses, --${Object.keys(CHANGES).join(', --')}`)
  const wish = {
    ...(given.length > 0 && { addresses: addressesOf(login, given, parts.domains) }),
    ...wishOf(run.options),
  }
  const limits = limitsOf(run.options)
  const changed = await changeOwn(
    parts.book,
    account,
    was => ({ ...was, ...wish, ...(limits && { limits: merged(was.limits, limits) }) }) as StoredAccount,
  )
  if (changed.disabled) parts.bus.publish(ACCOUNT_CLOSED, changed.id)
  run.print(run.json ? JSON.stringify(told(changed)) : `changed ${line(changed, 0)}`)
}

/** An address that was the login goes on taking mail unless told otherwise: people have it in their address books. */
async function rename(parts: ChangeParts, run: CommandRun): Promise<void> {
  const { book, domains } = parts
  const wanted = await ownAccount(parts, run.args[0]!)
  const before = wanted.login
  const login = readLogin(run.args[1]!)
  const [was, will] = [addressIn(before, domains), addressIn(login, domains)]
  const changed = await changeOwn(book, wanted, account => {
    const kept = account.addresses.filter(address => run.options['drop-address'] !== true || address !== was)
    // Where the old login was the address that it writes by, which is its first, the new one is.
    const leads = was !== undefined && account.addresses[0] === was
    const addresses = will === undefined ? kept : leads ? [will, ...kept] : [...kept, will]
    if (addresses.length === 0) throw new CommandError(`${login} would have no address; give it one with user change`)
    return { ...account, login, addresses: [...new Set(addresses)] }
  })
  run.print(run.json ? JSON.stringify({ before, ...told(changed) }) : `${before} is now ${line(changed, 0)}`)
}

/** As addresses are kept; `undefined`: it is no address of ours. */
function addressIn(login: string, domains: ReadonlySet<string>): string | undefined {
  const address = parseAddress(login)
  return address !== undefined && domains.has(address.domain) ? addressKey(address) : undefined
}

/** What the options want otherwise; `undefined` takes a bound away. */
function wishOf(options: CommandRun['options']): Partial<StoredAccount> {
  const { quota, place, disable, enable } = options
  const noMain = options['no-main-password']
  const imapDisable = options['imap-disable']
  const messages = options['quota-messages']
  const grace = options['quota-grace']
  if (disable === true && enable === true) throw new CommandError('--disable and --enable cannot both be meant')
  return {
    ...(quota !== undefined && { quotaBytes: quota === 'none' ? undefined : readQuota(quota) }),
    ...(messages !== undefined && { quotaMessages: messages === 'none' ? undefined : readMessages(messages) }),
    ...(grace !== undefined && { quotaGracePercent: grace === 'none' ? undefined : readGrace(grace) }),
    ...(place !== undefined && { place: place === 'none' ? undefined : readPlace(place) }),
    ...(disable === true && { disabled: true }),
    ...(enable === true && { disabled: undefined }),
    ...(noMain !== undefined && {
      mainPasswordNotFor: noMain === 'none' ? undefined : readProtocolList('--no-main-password', noMain),
    }),
    ...(imapDisable !== undefined && {
      imapDisable: imapDisable === 'none' ? undefined : readCapabilities(imapDisable),
    }),
  } as Partial<StoredAccount>
}

type LimitWishes = { readonly [K in keyof AccountLimits]: string | undefined }

/** Those that were named; `undefined` takes a limit away. */
function limitsOf(options: CommandRun['options']): LimitWishes | undefined {
  const named = ACCOUNT_LIMITS.flatMap(name => {
    const text = options[`limit-${name}`]
    return text === undefined ? [] : [[name, text === 'none' ? undefined : readLimit(name, String(text))] as const]
  })
  return named.length === 0 ? undefined : Object.fromEntries(named)
}

/** `undefined` when none is left. */
function merged(there: AccountLimits | undefined, wishes: LimitWishes): AccountLimits | undefined {
  const all = Object.entries({ ...there, ...wishes }).filter(([, text]) => text !== undefined)
  return all.length === 0 ? undefined : Object.fromEntries(all)
}
