/**
 * The `route` hook of the mda: claims mail for our own domains, refuses names nobody has, and asks the sender to come
 * again when a mailbox is full. Mail for other domains is none of its business.
 */
import {
  type Account,
  type Address,
  type Answered,
  type Asked,
  type Because,
  type Claim,
  defer,
  type FilingRules,
  type Log,
  MailError,
  type Nothing,
  reject,
  type SenderRewriter,
  type ServerFacts,
  via,
} from 'posthouse/api'
import { addressKey, printable } from 'posthouse/text'
import { DELIVERED_TO } from './loops.js'
import type { Outage } from './outage.js'
import type { QuotaKeeper } from './quota/keeper.js'
import { type Amount, fullness, hasQuota } from './quota/room.js'
import { type Destination, type ResolveParts, resolve, type Trouble } from './resolve.js'

export interface RouteParts {
  readonly server: Pick<ServerFacts, 'domains' | 'name'>
  readonly resolving: ResolveParts
  readonly quotas: Pick<QuotaKeeper, 'room'>
  readonly outage: Outage
  /** Target for aliases that lead elsewhere. */
  readonly remote: string
  /** Gives mail that goes elsewhere another sender, where there is one that does. */
  readonly rewriter: () => SenderRewriter | undefined
  /** What is said of a full mailbox. */
  readonly full: 'defer' | 'refuse'
  /** Wishes of mailbox owners, where there are any. */
  readonly rules: () => FilingRules | undefined
  /** What becomes of mail for a disabled account. */
  readonly disabled: 'file' | 'refuse'
}

/** The address stands in the same log line; in a command to copy it could be anything. */
const UNKNOWN = {
  code: 550,
  status: '5.1.1',
  because: {
    rule: 'unknown-user',
    evidence: 'neither an account nor an alias has this address',
    exception: 'posthouse user add, posthouse alias add, or a line in aliases.yaml',
  },
} as const
const DISABLED = {
  rule: 'disabled',
  evidence: 'the account is disabled',
  exception: 'posthouse user change LOGIN --enable, or disabled: file in the entry mda',
}

/** What of a RCPT matters here. */
export interface Rcpt {
  readonly address: Address
  readonly sender: Address | null
  /** By SIZE, in octets; 0: nobody said. */
  readonly declared: number
  /** A bounce has nobody behind it who could come again: it waits in the queue like all that is filed later. */
  readonly ofOurs: boolean
}

/** Of an address of ours. */
export type Said = Exclude<Answered['route'], Nothing>

export function decideRoute(
  { session, envelope, recipient }: Asked['route'],
  parts: RouteParts,
  log: Log,
): Promise<Answered['route']> {
  const declared = Number(envelope.parameters.get('SIZE') ?? 0)
  const { address } = recipient
  const rcpt = { address, sender: envelope.sender, declared, ofOurs: session.protocol === 'internal' }
  return routeFor(rcpt, parts, log)
}

export async function routeFor(rcpt: Rcpt, parts: RouteParts, log: Log): Promise<Said | undefined> {
  const [first] = parts.server.domains
  const { domain: written, local } = rcpt.address
  // RFC 5321 §4.5.1: `<postmaster>` without a domain is ours. RFC 3461 §9.3: so is the one at the name that our reports carry.
  const ours = written === '' || (written === parts.server.name && local.toLowerCase() === 'postmaster')
  const domain = ours && first !== undefined ? first : written
  if (!parts.server.domains.has(domain)) return undefined
  const address = { local, domain }
  try {
    const { destinations, troubles } = await resolve(address, parts.resolving)
    for (const { kind, address: at } of troubles)
      log.warn({ to: addressKey(address), at, trouble: kind }, 'alias leads nowhere')
    if (destinations.length > 0 && !troubles.some(isCutShort)) {
      if (parts.disabled === 'refuse' && destinations.every(isDisabled)) {
        // RFC 3463 §3.3: X.2.1 exists, and takes nothing.
        return reject('That mailbox is disabled', { code: 550, status: '5.2.1', because: DISABLED })
      }
      const full = rcpt.ofOurs ? undefined : await fullFor(destinations, rcpt, parts, log)
      return full ?? claimsFor(destinations, rcpt, parts, log)
    }
    if (troubles.some(trouble => trouble.kind !== 'unknown')) {
      return defer('The address cannot be resolved right now', { code: 451, status: '4.3.5' })
    }
    return reject(`${printable(addressKey(rcpt.address), 100)}: no such user here`, UNKNOWN)
  } catch (error) {
    if (!(error instanceof MailError) || !error.temporary) throw error
    parts.outage.note(log, addressKey(address), error)
    return defer(error.reply.text, error.reply)
  }
}

/** Whoever stands beyond the bounds would go without the mail, and nobody would hear of it. */
function isCutShort({ kind }: Trouble): boolean {
  return kind === 'too-many' || kind === 'too-deep'
}

/** An alias with anybody else in it goes on as ever. */
function isDisabled(destination: Destination): boolean {
  return destination.kind !== 'elsewhere' && destination.account?.disabled === true
}

async function claimsFor(
  destinations: readonly Destination[],
  { sender, address }: Rcpt,
  parts: RouteParts,
  log: Log,
): Promise<readonly Claim[]> {
  const out = destinations.some(({ kind }) => kind === 'elsewhere')
  const renamed = out && sender !== null ? await parts.rewriter()?.forwarded(sender, { log }) : undefined
  // By this it is known when it comes back: see loops.ts.
  const fields = [{ name: DELIVERED_TO, value: addressKey(address) }]
  const forwarded = renamed === undefined ? { fields } : ({ fields, sender: renamed, onBehalf: true } as const)
  return destinations.map(destination => {
    if (destination.kind === 'elsewhere') return via(parts.remote, destination.to, forwarded)
    const { account, to, tag } = destination
    const whose: Record<string, string> = {}
    if (account !== undefined) whose.account = account.id
    if (tag !== undefined) whose.tag = tag
    if (destination.kind === 'account') return via('mda', to, { detail: whose })
    const { name, target } = destination.place
    return via(target, to, { detail: { place: name, ...whose } })
  })
}

/** A full mailbox is said at RCPT, while the sender still holds the mail. Only when it is the one place the mail would go. */
async function fullFor(
  destinations: readonly Destination[],
  { declared }: Rcpt,
  parts: RouteParts,
  log: Log,
): Promise<Said | undefined> {
  const [only, more] = destinations
  if (more !== undefined || only?.kind !== 'account' || !hasQuota(only.account)) return undefined
  // Of a size nobody declared there is an octet at least.
  const { room, used } = await parts.quotas.room(only.account, { bytes: Math.max(1, declared), messages: 1 })
  if (room === 'there is room' || (await mayKeepNone(parts, only.account, log))) return undefined
  const because = becauseFull(used, only.account)
  // Coming again is of no use.
  if (room === 'too large')
    return reject('The message is larger than the whole mailbox', {
      code: 552,
      status: '5.2.3',
      because,
    })
  return parts.full === 'refuse'
    ? reject('Mailbox is full', { code: 552, status: '5.2.2', because })
    : defer('Mailbox is full', { code: 452, status: '4.2.2', because })
}

/** Mail that its rules only send on or throw away needs no room; which it is shows when it is there. */
async function mayKeepNone({ rules }: RouteParts, account: Account, log: Log): Promise<boolean> {
  try {
    return (await rules()?.mayKeepNone?.(account)) ?? false
  } catch (error) {
    if (error instanceof MailError && error.temporary) throw error
    // Mail is kept then, as without them.
    log.error({ err: error, account: account.id }, 'filing rules failed')
    return false
  }
}

function becauseFull(used: Amount, account: Account): Because {
  const evidence = fullness(account, used)
  return { rule: 'mailbox-full', evidence, exception: 'posthouse user change LOGIN --quota' }
}
