/**
 * Asking lists in the name service (RFC 5782). What is asked for is a label in front of the zone: a reversed address here, and a domain
 * for lists of domains. All lists are asked at once and within one budget; what a list says late is as if it had not been asked.
 */
import { MailError, type Resolver, troubleOf, within } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { List } from './config.js'

/** What of a list's reason is worth a line of log. */
const MAX_REASON = 200

export type Listing =
  | { readonly kind: 'listed'; readonly codes: readonly string[]; readonly reason?: string }
  | { readonly kind: 'clear' }
  /** It could not be asked, or refused to answer. */
  | { readonly kind: 'unknown'; readonly why: string }

export interface Heard {
  readonly list: List
  readonly listing: Listing
}

/** Never throws, unless there is a bug; as many as there are lists, in their order. */
export async function askLists(
  dns: Resolver,
  lists: readonly List[],
  label: string,
  ms: number,
  outer: AbortSignal,
): Promise<readonly Heard[]> {
  const heard = new Map<List, Listing>()
  let late = 'no answer in time'
  try {
    await within(ms, outer, signal =>
      Promise.all(lists.map(list => askOne(dns, list, label, signal, listing => heard.set(list, listing)))),
    )
  } catch (error) {
    late = troubleOf(error)
  }
  return lists.map(list => ({ list, listing: heard.get(list) ?? { kind: 'unknown', why: late } }))
}

/** Tells what is known as soon as it is; the reason comes later, or not at all. */
async function askOne(
  dns: Resolver,
  list: List,
  label: string,
  signal: AbortSignal,
  tell: (listing: Listing) => void,
): Promise<void> {
  const listing = await lookUp(dns, list, label, signal)
  tell(listing)
  if (listing.kind !== 'listed' || list.kind === 'allow') return
  const reason = await reasonOf(dns, list, label, signal)
  if (reason !== undefined) tell({ ...listing, reason })
}

/** One list, without a budget of its own. Never throws, unless there is a bug. */
export async function lookUp(dns: Resolver, list: List, label: string, signal: AbortSignal): Promise<Listing> {
  try {
    const codes = await dns.a(`${label}.${list.zone}`, signal)
    if (codes.length === 0) return { kind: 'clear' }
    const refused = codes.find(list.refuses)
    return refused === undefined ? { kind: 'listed', codes } : { kind: 'unknown', why: `query refused (${refused})` }
  } catch (error) {
    // The zone may hold a customer's key.
    return { kind: 'unknown', why: troubleOf(error).replaceAll(list.zone, list.name) }
  }
}

/** RFC 5782 §2.1: TXT says why; it is for the log and decides nothing. */
async function reasonOf(dns: Resolver, list: List, label: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const texts = await dns.txt(`${label}.${list.zone}`, signal)
    return texts.length === 0 ? undefined : printable(texts.join(' / ').replaceAll(list.zone, list.name), MAX_REASON)
  } catch (error) {
    if (error instanceof MailError) return undefined
    throw error
  }
}
