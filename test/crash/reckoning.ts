/**
 * Compares what the clients heard with what became of it. Pure.
 * The rule: whoever heard 250 has the mail delivered, queued or returned; nobody has it oftener than it was handed in and may have been
 * taken, but for deliveries to other servers that were under way when their worker was killed.
 */
import type { Whose } from './letters.js'
import type { Heard } from './load.js'
import type { Arrival } from './receiver.js'

export interface Kill {
  readonly at: number
  /** Deliveries that may have been under way: places in the runners of the killed workers. */
  readonly places: number
}

export interface Reckoned {
  readonly filed: ReadonlyMap<string, number>
  readonly notices: ReadonlyMap<string, number>
  readonly queued: ReadonlySet<string>
}

export interface Verdict {
  readonly acknowledged: number
  readonly delivered: number
  readonly remote: number
  readonly bounced: number
  readonly queued: number
  readonly reports: number
  /** Copies beyond the first for recipients whose client had sent all, heard nothing and come again. */
  readonly unheard: number
  /** Copies beyond that, at other servers. */
  readonly duplicates: number
  readonly faults: readonly string[]
}

/** A message may have been on its way to the other server when the kill came, and be counted there a little later. */
const ON_THE_WAY_MS = 3000

export function reckon(
  heard: readonly Heard[],
  arrivals: readonly Arrival[],
  kills: readonly Kill[],
  holdings: Reckoned,
): Verdict {
  const times = new Map<string, number[]>()
  for (const { n, address, at } of arrivals) times.set(`${n} ${address}`, [...(times.get(`${n} ${address}`) ?? []), at])
  const sums = { acknowledged: 0, delivered: 0, remote: 0, bounced: 0, queued: 0, reports: 0, unheard: 0 }
  const faults: string[] = []
  const again: { readonly name: string; readonly times: readonly number[]; readonly extra: number }[] = []
  for (const one of heard) {
    const name = `${one.letter.n} ${one.address}`
    const whose = one.letter.recipients.find(({ address }) => address === one.address)!.whose
    const copies = copiesOf(name, whose, holdings, times)
    const most = (one.accepted ? 1 : 0) + one.unanswered
    const waits = holdings.queued.has(name)
    if (one.accepted) sums.acknowledged++
    if (copies > 0) sums[COLUMN[whose]]++
    else if (waits) sums.queued++
    else if (one.accepted) faults.push(`${lostOrReturned(name, holdings)}: ${name} (${whose}, by ${one.letter.way})`)
    sums.unheard += Math.max(0, Math.min(copies, most) - 1)
    if (copies > most) {
      if (whose === 'remote') again.push({ name, times: times.get(name)!, extra: copies - most })
      else faults.push(`${copies} copies of ${name} (${whose}, by ${one.letter.way}), handed in ${most} times`)
    }
    const told = reportsOn(name, holdings)
    sums.reports += told
    if (one.letter.notify && whose !== 'refused' && one.accepted && told === 0 && !waits)
      faults.push(`no report of success on ${name}`)
    if (told > (one.letter.notify ? most : 0)) faults.push(`${told} reports of success on ${name}`)
  }
  const duplicates = again.reduce((sum, { extra }) => sum + extra, 0)
  for (const one of again)
    if (!betweenKills(one.times, kills)) faults.push(`delivered twice without a kill: ${one.name}`)
  const places = kills.reduce((sum, kill) => sum + kill.places, 0)
  if (duplicates > places)
    faults.push(`${duplicates} duplicates, but only ${places} deliveries can have been under way`)
  return { ...sums, duplicates, faults }
}

const COLUMN = { local: 'delivered', remote: 'remote', refused: 'bounced' } as const

function copiesOf(
  name: string,
  whose: Whose,
  { filed, notices }: Reckoned,
  times: ReadonlyMap<string, readonly number[]>,
): number {
  if (whose === 'local') return filed.get(name) ?? 0
  return whose === 'remote' ? (times.get(name)?.length ?? 0) : (notices.get(`failed ${name}`) ?? 0)
}

/** A bounce is no loss, but nobody had refused it. */
function lostOrReturned(name: string, { notices }: Reckoned): string {
  return notices.has(`failed ${name}`) ? 'returned although nobody refused it' : 'lost'
}

function reportsOn(name: string, { notices }: Reckoned): number {
  return (notices.get(`delivered ${name}`) ?? 0) + (notices.get(`relayed ${name}`) ?? 0)
}

function betweenKills(times: readonly number[], kills: readonly Kill[]): boolean {
  return kills.some(({ at }) => at > times[0]! - ON_THE_WAY_MS && at < times.at(-1)!)
}
