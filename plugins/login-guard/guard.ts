/**
 * The three hooks: at `login` a lock objects or a delay is waited out; at `auth` a digest of the secret is noted and nothing is answered;
 * at `loginOver` the outcome is counted. Only what was refused counts: who is locked out does not prolong it by trying again.
 * Trouble of the State or the directory lets people in as far as this plugin goes: it is not what checks passwords.
 */
import {
  type Accounts,
  type Answered,
  type Asked,
  type Call,
  type Clock,
  type Defer,
  defer,
  type Log,
  type LoginOutcome,
  type Metrics,
  type Peer,
} from 'posthouse/api'
import { NetworkSet, printable } from 'posthouse/text'
import { whoIs } from './account.js'
import { type Ledger, LOCK_KINDS, type Lock, type LockKind, namesOf, type Suspect } from './ledger.js'
import { type Place, placeOf } from './networks.js'
import { judge, lockMsAfter, type Settings } from './policy.js'
import type { Secrets } from './secrets.js'
import { pause, Spacing } from './spacing.js'
import { describe, liftOf, timeOf } from './words.js'

/** Attempts whose secret was seen and whose end is not yet told. */
const MOST_UNDER_WAY = 10_000

export interface GuardParts {
  readonly ledger: Ledger
  readonly secrets: Secrets
  readonly settings: Settings
  /** Networks that are never counted, delayed or locked. */
  readonly never: readonly string[]
  /** Found when asked: it may be set up after us. */
  accounts(): Accounts | undefined
  /** Tells people of a lock. */
  notice(lock: Lock): void
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

export class Guard {
  readonly #parts: GuardParts
  readonly #never: NetworkSet
  readonly #spacing: Spacing
  /** Digest of the secret by session; a session tries one at a time. */
  readonly #underWay = new Map<string, string>()
  /** By network: what is being counted, so that the next attempt sees it. */
  readonly #counting = new Map<string, Promise<void>>()

  constructor(parts: GuardParts) {
    this.#parts = parts
    this.#never = new NetworkSet(parts.never)
    this.#spacing = new Spacing(parts.settings.mostDelayMs)
  }

  async login({ peer, login }: Asked['login'], call: Call): Promise<Answered['login']> {
    const place = this.#placeOf(peer)
    if (place === undefined) return undefined
    await this.#counting.get(place.unit)
    const { ledger, settings, clock, metrics } = this.#parts
    const now = clock.now()
    const judgement = await this.#trying(async () => {
      const suspect = await this.#suspect(login, place)
      return { suspect, ...judge(await ledger.standing(suspect, now, call.observed === true), settings) }
    })
    if (judgement === undefined) return undefined
    if (judgement.kind === 'locked') {
      metrics.count('lockedOut')
      return lockedOut(judgement.lock)
    }
    if (call.observed) return undefined
    const names = namesOf(judgement.suspect)
    const wait = this.#spacing.reserve(names[judgement.space] ?? place.unit, judgement.delayMs, now)
    if (wait === undefined) {
      metrics.count('tooManyAtOnce')
      return tooMany(place)
    }
    if (wait === 0) return undefined
    metrics.observe('delayMs', wait)
    // The session is over or the deadline near: whoever is left to hear it shall come again.
    return (await pause(wait, call.signal)) ? undefined : tooMany(place)
  }

  async auth({ peer, credentials }: Asked['auth']): Promise<undefined> {
    const place = this.#placeOf(peer)
    if (place === undefined) return undefined
    const digest = await this.#trying(async () => {
      const { account } = await this.#suspect(credentials.login, place)
      return this.#parts.secrets.digest(account ?? '', credentials)
    })
    if (digest === undefined) return undefined
    this.#underWay.delete(peer.id)
    this.#underWay.set(peer.id, digest)
    if (this.#underWay.size > MOST_UNDER_WAY) this.#underWay.delete(this.#underWay.keys().next().value!)
    return undefined
  }

  loginOver(outcome: LoginOutcome, { observed = false }: Call): Promise<void> | undefined {
    const secret = this.#underWay.get(outcome.peer.id)
    this.#underWay.delete(outcome.peer.id)
    const place = this.#placeOf(outcome.peer)
    if (place === undefined || (outcome.kind !== 'accepted' && outcome.kind !== 'refused')) return undefined
    if (outcome.kind === 'accepted') return this.#accepted(outcome, place)
    const before = this.#counting.get(place.unit)
    const counted = this.#trying(async () => {
      await before
      await this.#refused(outcome, place, secret, observed)
    }).then(() => {
      if (this.#counting.get(place.unit) === counted) this.#counting.delete(place.unit)
    })
    this.#counting.set(place.unit, counted)
    return counted
  }

  /** Resolves when every failure is counted. */
  async idle(): Promise<void> {
    await Promise.all(this.#counting.values())
  }

  async #accepted({ account, peer }: LoginOutcome, place: Place): Promise<void> {
    if (account === undefined) return
    const { ledger, clock } = this.#parts
    await this.#trying(() => ledger.succeeded(account.id, place, peer.protocol, clock.now()))
  }

  async #refused({ login }: LoginOutcome, place: Place, secret: string | undefined, observed: boolean): Promise<void> {
    const { ledger, settings, clock, metrics } = this.#parts
    const now = clock.now()
    const suspect = await this.#suspect(login, place)
    const counted = await ledger.failed(suspect, secret, now)
    metrics.count('failures')
    for (const kind of LOCK_KINDS) {
      const failures = counted[kind]
      if (failures !== undefined && failures >= settings.limits[kind])
        await this.#lock(kind, suspect, failures, now, observed)
    }
  }

  async #lock(kind: LockKind, suspect: Suspect, failures: number, now: number, observed: boolean): Promise<void> {
    const { ledger, settings, log, metrics, notice } = this.#parts
    const name = namesOf(suspect)[kind]
    if (name === undefined || (await ledger.isLocked(kind, name, now, observed))) return
    const until = now + lockMsAfter(kind, await ledger.strike(kind, name, now), settings)
    const lock = { ...lockOn(kind, name, suspect, { failures, since: now, until }), ...(observed && { observed }) }
    await ledger.lock(lock)
    metrics.count('locks')
    const facts = { rule: `${kind}-locked`, of: describe(lock), failures, until: timeOf(until), lift: liftOf(lock) }
    log.warn(facts, observed ? 'log-ins would be locked' : 'log-ins locked')
    // Nobody need hear of names that nobody has.
    const matters = suspect.exists || kind === 'network' || kind === 'range'
    if (matters && !observed) notice(lock)
  }

  async #suspect(login: string, place: Place): Promise<Suspect> {
    const who = await whoIs(login, this.#parts.accounts())
    return { ...who, login: printable(login, 100), place }
  }

  #placeOf(peer: Peer): Place | undefined {
    return this.#never.has(peer.remote.address) ? undefined : placeOf(peer.remote.address)
  }

  async #trying<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      this.#parts.log.error({ err: error }, 'log-ins cannot be counted, nobody is delayed or locked')
      this.#parts.metrics.count('trouble')
      return undefined
    }
  }
}

function lockOn(
  kind: LockKind,
  name: string,
  { login, place }: Suspect,
  facts: Pick<Lock, 'failures' | 'since' | 'until'>,
): Lock {
  const ofPerson = kind === 'account' || kind === 'pair'
  return { kind, name, ...facts, ...(ofPerson && { login }), ...(kind === 'pair' && { network: place.unit }) }
}

// RFC 4954 §6: 454 says that the password was not looked at, so a program tries again later and does not ask for another one.
function lockedOut(lock: Lock): Defer {
  return defer('Too many failed log-ins, try again later', {
    code: 454,
    status: '4.7.0',
    because: {
      rule: `${lock.kind}-locked`,
      evidence: `${lock.failures} failed log-ins, ${describe(lock)} locked until ${timeOf(lock.until)}`,
      exception: `${liftOf(lock)}; or its network under never: of login-guard`,
    },
  })
}

function tooMany({ unit }: Place): Defer {
  return defer('Too many log-ins at once, try again later', {
    code: 454,
    status: '4.7.0',
    because: {
      rule: 'waiting-full',
      evidence: `after failed log-ins from ${unit} one follows the other, and more wait than may`,
      exception: 'the network under never: of login-guard',
    },
  })
}
