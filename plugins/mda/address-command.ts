/** `posthouse address WHO`: what would happen to mail for an address, step by step, with where each step stands. */
import {
  type Account,
  type AccountLimits,
  type Answered,
  type Command,
  CommandError,
  type CommandRun,
  type MailStore,
  type PlaceFound,
  type ServerFacts,
} from 'posthouse/api'
import { type AddressParts, addressKey, formatAddress, formatSize, parseAddress, printable } from 'posthouse/text'
import { folderFor } from './deliver.js'
import type { QuotaKeeper } from './quota/keeper.js'
import { graceInWords } from './quota/room.js'
import { type ResolveParts, resolve, type Step } from './resolve.js'

export interface AddressCommandParts {
  readonly server: Pick<ServerFacts, 'domains'>
  readonly resolving: ResolveParts
  readonly mail: MailStore
  readonly quotas: Pick<QuotaKeeper, 'graceUntil'>
  readonly tagFolders: boolean
  readonly remote: string
  /** What the owner of a mailbox wishes for the mail. */
  describe(account: Account): Promise<readonly string[]>
  /** What RCPT would hear now. */
  rcpt(address: AddressParts): Promise<Answered['route']>
}

/** As `--json` prints it. */
interface Told {
  readonly depth: number
  readonly address: string
  readonly is: Step['is']
  readonly alias?: { readonly name: string; readonly targets: readonly string[]; readonly origin: string }
  readonly account?: ToldAccount
  readonly place?: PlaceFound
  readonly tag?: string
}

interface ToldAccount {
  readonly id: string
  readonly login: string
  readonly source?: string
  readonly folder: string
  readonly disabled: boolean
  readonly usedBytes: number
  readonly usedMessages: number
  readonly quotaBytes?: number
  readonly quotaMessages?: number
  /** It is beyond its quota, and takes mail until then. */
  readonly graceUntil?: string
  /** What it may send, where that is another amount than everybody's. */
  readonly limits?: AccountLimits
  /** Of its owner, in words. */
  readonly wishes?: readonly string[]
}

export function addressCommand(parts: AddressCommandParts): Command {
  return {
    name: 'address',
    summary: 'say what would happen to mail for an address: aliases, mailbox, quota, where it goes out',
    usage: 'ADDRESS',
    arity: [1, 1],
    run: run => explain(parts, run),
  }
}

/** Exit code 1: nobody would get it. */
async function explain(parts: AddressCommandParts, run: CommandRun): Promise<number> {
  const [text = ''] = run.args
  const address = parseAddress(text)
  if (address === undefined) throw new CommandError(`"${printable(text)}" is no address: expected name@domain`)
  const ours = parts.server.domains.has(address.domain)
  const steps: Step[] = []
  if (ours) await resolve(address, parts.resolving, step => steps.push(step))
  const told = await Promise.all(steps.map(step => tell(parts, step)))
  const answer = ours ? rcptOf(await parts.rcpt(address)) : undefined
  const taken = ours && (answer === undefined || answer.startsWith('250'))
  if (run.json) {
    run.print(JSON.stringify({ address: addressKey(address), ours, ...(answer && { rcpt: answer }), steps: told }))
    return taken || !ours ? 0 : 1
  }
  if (!ours) {
    run.print(
      `${address.domain} is none of our domains (domains of server.yaml); posthouse delivery explain says where it would go`,
    )
    return 0
  }
  for (const one of told) for (const line of linesOf(one, parts.remote)) run.print(`${'  '.repeat(one.depth)}${line}`)
  run.print(`RCPT would be answered: ${answer}`)
  return taken ? 0 : 1
}

async function tell(parts: AddressCommandParts, { alias, account, ...step }: Step): Promise<Told> {
  return {
    ...step,
    ...(alias !== undefined && { alias: { ...alias, targets: alias.targets.map(one => formatAddress(one)) } }),
    ...(account !== undefined && { account: await accountOf(parts, account, step.tag) }),
  }
}

async function accountOf(
  { mail, quotas, tagFolders, describe }: AddressCommandParts,
  account: Account,
  tag: string | undefined,
): Promise<ToldAccount> {
  const { id, login, source, disabled, quotaBytes, quotaMessages, limits } = account
  const used = await mail.usage(id)
  const graceUntil = await quotas.graceUntil(account, used)
  const wishes = await describe(account)
  return {
    id,
    login,
    ...(source !== undefined && { source }),
    folder: await folderFor(mail, id, tagFolders ? tag : undefined),
    disabled: disabled === true,
    usedBytes: used.bytes,
    usedMessages: used.messages,
    ...(quotaBytes !== undefined && { quotaBytes }),
    ...(quotaMessages !== undefined && { quotaMessages }),
    ...(graceUntil !== undefined && { graceUntil: new Date(graceUntil).toISOString() }),
    ...(limits !== undefined && { limits }),
    ...(wishes.length > 0 && { wishes }),
  }
}

const TROUBLES = {
  loop: 'the aliases lead in a circle and end here',
  'too-deep': 'more than ten aliases lead here: it ends here',
  'too-many': 'an alias for too many addresses: it ends here',
  unknown: 'neither an account nor an alias',
} as const

function linesOf({ address, is, alias, account, place, tag }: Told, remote: string): readonly string[] {
  switch (is) {
    case 'alias':
    case 'pattern':
    case 'catch-all': {
      const what = is === 'alias' ? 'alias' : is === 'pattern' ? 'alias for many names' : 'catch-all'
      return [`${address}: ${what} ${alias!.name} (${alias!.origin}) → ${alias!.targets.join(', ') || 'nothing'}`]
    }
    case 'postmaster':
      return [`${address}: goes to \`postmaster\` of the entry mda`]
    case 'account':
      return [
        `${address}: account ${nameOf(account!)}${tag === undefined ? '' : `, tag ${tag}`}`,
        place === undefined
          ? `  ${mailboxOf(account!)}`
          : `  ${placeOf(place)}${account!.disabled ? '; disabled' : ''}`,
        ...(place === undefined ? (account!.wishes ?? []).map(wish => `  ${wish}`) : []),
        ...limitsOf(account!),
      ]
    case 'place':
      return [`${address}: ${placeOf(place!)}`]
    case 'first account':
      return [
        `${address}: nobody holds this role, so the first account gets it: ${nameOf(account!)}`,
        `  ${mailboxOf(account!)}`,
        ...(account!.wishes ?? []).map(wish => `  ${wish}`),
      ]
    case 'elsewhere':
      return [`${address}: goes out by ${remote}`]
    default:
      return [`${address}: ${TROUBLES[is]}`]
  }
}

function nameOf({ login, source }: ToldAccount): string {
  return source === undefined ? login : `${login} (${source})`
}

function placeOf({ name, says }: PlaceFound): string {
  return `to the place ${name}: ${says}`
}

function limitsOf({ limits = {} }: ToldAccount): readonly string[] {
  const own = Object.entries(limits).map(([what, limit]) => `${what} ${limit}`)
  return own.length === 0 ? [] : [`  may send ${own.join(', ')} (limits of its own)`]
}

function mailboxOf(account: ToldAccount): string {
  const { folder, disabled, usedBytes, usedMessages, quotaBytes, quotaMessages, graceUntil } = account
  const octets = `${formatSize(usedBytes)}${quotaBytes === undefined ? '' : ` of ${formatSize(quotaBytes)}`}`
  const count = `${usedMessages}${quotaMessages === undefined ? '' : ` of ${quotaMessages}`} messages`
  const over = graceUntil === undefined ? '' : `; over its quota, ${graceInWords(Date.parse(graceUntil), Date.now())}`
  return `into ${folder}; holds ${octets}, ${count}${over}${disabled ? '; disabled: nobody can log in' : ''}`
}

function rcptOf(answer: Answered['route']): string {
  if (answer === undefined || answer === null) return "nothing: the address is not the mda's"
  if ('kind' in answer && answer.kind !== 'claim') return `${answer.code} ${answer.status} ${answer.text}`
  return '250 2.1.5'
}
