/**
 * What is known of log-ins, in State: shared by workers, over restarts, everything with an end. Who failed how often (networks, ranges
 * around them, accounts, and pairs of both), who is locked until when, and from where an account has logged in.
 * Keys: `fail/KIND/NAME`, `more/network/NAME`, `strikes/KIND/NAME`, `lock/KIND/NAME`, `known/ACCOUNT|NETWORK`, `tried/ACCOUNT|…`.
 */
import type { State, StateEntry } from 'posthouse/api'
import type { Place } from './networks.js'

export type LockKind = 'network' | 'range' | 'account' | 'pair'
export const LOCK_KINDS = ['network', 'range', 'account', 'pair'] as const

export interface Lock {
  readonly kind: LockKind
  /** The network or account; of a pair both. */
  readonly name: string
  readonly failures: number
  readonly since: number
  readonly until: number
  /** As the peer gave it, fit to be printed. */
  readonly login?: string
  readonly network?: string
  /** Of an entry that only observes: it is shown and keeps nobody out, also when the entry enforces later. */
  readonly observed?: true
}

/** Who tries to log in. */
export interface Suspect {
  /** The account's id, or what stands for a name that nobody has; `undefined` when the peer gave none. */
  readonly account: string | undefined
  readonly exists: boolean
  readonly login: string
  readonly place: Place
}

export interface Standing {
  /** The account has logged in from this very network; from elsewhere in the range around it; or neither. */
  readonly known: 'network' | 'range' | 'stranger'
  readonly locks: { readonly [K in LockKind]?: Lock | undefined }
  readonly failures: { readonly pair: number; readonly network: number; readonly account: number }
}

/** What a failure came to, for each kind it counts for; `network` with the weight of unknown names. */
export type Counted = { readonly [K in LockKind]?: number }

export interface LedgerSettings {
  readonly forgetMs: number
  readonly knownMs: number
}

/** A failed log-in under a name that nobody has weighs as many on its network: only those who guess try many. */
const UNKNOWN_WEIGHS = 3
const STRIKES_MS = 7 * 86_400_000
/** A lock is kept longer than it holds: State, when full, forgets first what expires first, and that must not be locks. */
const LOCK_KEPT_MS = 8 * 86_400_000
/** For commands, which may take their time. */
const MOST_LISTED = 200_000
/** Mail programs log in all day: it is enough to write that down now and then. */
const KNOWN_AGAIN_MS = 3_600_000

export class Ledger {
  readonly #state: State
  readonly #settings: LedgerSettings

  constructor(state: State, settings: LedgerSettings) {
    this.#state = state
    this.#settings = settings
  }

  /** `observed`: asked by an entry that only observes. */
  async standing(suspect: Suspect, now: number, observed: boolean): Promise<Standing> {
    const { account, place } = suspect
    const names = namesOf(suspect)
    const [locks, pair, network, ofAccount, known] = await Promise.all([
      Promise.all(LOCK_KINDS.map(kind => this.#lock(kind, names[kind], now))),
      this.#count('pair', names.pair, now),
      this.#count('network', names.network, now),
      this.#count('account', names.account, now),
      account === undefined ? ('stranger' as const) : this.known(account, place, now),
    ])
    return {
      known,
      locks: Object.fromEntries(LOCK_KINDS.map((kind, at) => [kind, keepsOut(locks[at], observed)])),
      failures: { pair, network, account: ofAccount },
    }
  }

  async known(account: string, { unit, wide }: Place, now: number): Promise<Standing['known']> {
    const [here, around] = await Promise.all([unit, wide].map(at => this.#state.get(`known/${account}|${at}`, now)))
    if (here !== undefined) return 'network'
    return around === undefined ? 'stranger' : 'range'
  }

  /** Counts a failure; `secret` tells repeated secrets from new ones. */
  async failed(suspect: Suspect, secret: string | undefined, now: number): Promise<Counted> {
    const { account, place } = suspect
    const known = account === undefined ? 'stranger' : await this.known(account, place, now)
    if (account === undefined || secret === undefined) return this.#add(suspect, known, known === 'stranger', now)
    const here = `tried/${account}|${place.unit}|${secret}`
    const anywhere = `tried/${account}|${secret}`
    const [there, elsewhere] = await Promise.all([this.#state.get(here, now), this.#state.get(anywhere, now)])
    await Promise.all([here, anywhere].map(key => this.#state.put(key, '1', now + this.#settings.forgetMs)))
    // A phone with an old password: it has told us nothing new.
    if (there !== undefined) return {}
    return this.#add(suspect, known, known === 'stranger' && elsewhere === undefined, now)
  }

  async #add(suspect: Suspect, known: Standing['known'], forAccount: boolean, now: number): Promise<Counted> {
    const names = namesOf(suspect)
    const pair = names.pair === undefined ? undefined : await this.#more('fail/pair', names.pair, 1, now)
    if (known === 'network') return pair === undefined ? {} : { pair }
    const [network, range, account, weight] = await Promise.all([
      this.#more('fail/network', names.network, 1, now),
      this.#more('fail/range', names.range, 1, now),
      forAccount && names.account !== undefined ? this.#more('fail/account', names.account, 1, now) : undefined,
      suspect.exists
        ? this.#number(`more/network/${names.network}`, now)
        : this.#more('more/network', names.network, UNKNOWN_WEIGHS - 1, now),
    ])
    return {
      network: network + weight,
      range,
      ...(account !== undefined && { account }),
      ...(pair !== undefined && { pair }),
    }
  }

  /** `account` has logged in from there: what went wrong between the two is forgotten. */
  async succeeded(account: string, place: Place, protocol: string, now: number): Promise<void> {
    const pair = `${account}|${place.unit}`
    const [failures, last] = await Promise.all([
      this.#state.get(`fail/pair/${pair}`, now),
      this.#state.get(`known/${pair}`, now),
    ])
    if (failures !== undefined) await this.#state.remove(`fail/pair/${pair}`)
    if (last !== undefined && now - readVisit(last).at < KNOWN_AGAIN_MS) return
    const visit = JSON.stringify({ at: now, protocol })
    const until = now + this.#settings.knownMs
    await Promise.all([place.unit, place.wide].map(at => this.#state.put(`known/${account}|${at}`, visit, until)))
  }

  /** How often it has been locked lately, this time included. */
  strike(kind: LockKind, name: string, now: number): Promise<number> {
    return this.#state.add(`strikes/${kind}/${name}`, 1, now, now + STRIKES_MS)
  }

  async isLocked(kind: LockKind, name: string, now: number, observed = true): Promise<boolean> {
    return keepsOut(await this.#lock(kind, name, now), observed) !== undefined
  }

  async lock(lock: Lock): Promise<void> {
    await this.#state.put(`lock/${lock.kind}/${lock.name}`, JSON.stringify(lock), lock.until + LOCK_KEPT_MS)
  }

  async locks(now: number): Promise<readonly Lock[]> {
    const entries = await this.#state.list('lock/', now, MOST_LISTED)
    const all = entries.map(({ value }) => JSON.parse(value) as Lock)
    return all.filter(({ until }) => until > now).sort((a, b) => a.since - b.since)
  }

  /** Forgets the lock and what led to it. Whether there was a lock. */
  async forgive(kind: LockKind, name: string, now: number): Promise<boolean> {
    const locked = await this.isLocked(kind, name, now)
    const rest = [`lock/${kind}/${name}`, `fail/${kind}/${name}`, `strikes/${kind}/${name}`]
    await Promise.all(
      (kind === 'network' ? [...rest, `more/network/${name}`] : rest).map(key => this.#state.remove(key)),
    )
    return locked
  }

  /** Names with failures or locks of that kind, `wanted` among them. */
  async namesOf(kind: LockKind, wanted: (name: string) => boolean, now: number): Promise<readonly string[]> {
    const beginnings = [`fail/${kind}/`, `lock/${kind}/`]
    const found = await Promise.all(beginnings.map(beginning => this.#state.list(beginning, now, MOST_LISTED)))
    const names = found.flatMap((entries, at) => entries.map(({ key }) => key.slice(beginnings[at]!.length)))
    return [...new Set(names)].filter(wanted)
  }

  /** Networks an account has logged in from, and those it was tried from in vain. */
  async history(account: string, now: number): Promise<History> {
    const [known, failed] = await Promise.all([
      this.#state.list(`known/${account}|`, now),
      this.#state.list(`fail/pair/${account}|`, now),
    ])
    const networkOf = ({ key }: StateEntry) => key.slice(key.indexOf('|') + 1)
    return {
      logins: known.filter(isUnit).map(entry => ({ network: networkOf(entry), ...readVisit(entry.value) })),
      failures: failed.map(entry => ({
        network: networkOf(entry),
        failures: Number(entry.value),
        at: entry.expires - this.#settings.forgetMs,
      })),
    }
  }

  async #lock(kind: LockKind, name: string | undefined, now: number): Promise<Lock | undefined> {
    const text = name === undefined ? undefined : await this.#state.get(`lock/${kind}/${name}`, now)
    const lock = text === undefined ? undefined : (JSON.parse(text) as Lock)
    return lock !== undefined && lock.until > now ? lock : undefined
  }

  async #count(kind: LockKind, name: string | undefined, now: number): Promise<number> {
    return name === undefined ? 0 : this.#number(`fail/${kind}/${name}`, now)
  }

  async #number(key: string, now: number): Promise<number> {
    return Number((await this.#state.get(key, now)) ?? 0)
  }

  #more(what: string, name: string, by: number, now: number): Promise<number> {
    return this.#state.add(`${what}/${name}`, by, now, now + this.#settings.forgetMs)
  }
}

export interface History {
  readonly logins: readonly { readonly network: string; readonly at: number; readonly protocol: string }[]
  readonly failures: readonly { readonly network: string; readonly at: number; readonly failures: number }[]
}

/** What a suspect is counted under. */
export function namesOf({ account, place }: Pick<Suspect, 'account' | 'place'>): {
  readonly network: string
  readonly range: string
  readonly account: string | undefined
  readonly pair: string | undefined
} {
  return {
    network: place.unit,
    range: place.wide,
    account,
    pair: account === undefined ? undefined : `${account}|${place.unit}`,
  }
}

function keepsOut(lock: Lock | undefined, observed: boolean): Lock | undefined {
  return lock?.observed && !observed ? undefined : lock
}

/** Not one of the ranges around them. */
function isUnit({ key }: StateEntry): boolean {
  return !/\/(24|48)$/.test(key)
}

function readVisit(text: string): { readonly at: number; readonly protocol: string } {
  return JSON.parse(text) as { at: number; protocol: string }
}
