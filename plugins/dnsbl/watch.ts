/**
 * Keeps watch over the health of the lists: one worker tests those that are due, all workers see what came of it in the shared state.
 * Lists that are wrong or silent are switched off, said so, and come back by themselves.
 */
import type { Bus, Clock, Log, Metrics, Notifier, Resolver, State as SharedState } from 'posthouse/api'
import { troubleOf, within } from 'posthouse/api'
import type { Terms } from './config.js'
import { type Health, isDue, nextHealth, readHealth, testList, worthTelling } from './health.js'
import type { List } from './list.js'
import type { Readiness } from './lookup.js'
import type { Entries } from './question.js'

const PREFIX = 'health/'
const TOPIC = 'dnsbl'
const KEEP_MS = 30 * 86_400_000
const TEST_MS = 15_000
/** Bounds of how often is looked whether something is due. */
const LOOK_MS = [250, 15_000] as const
/** `posthouse check` sets plugins up too, and ends before this: it asks nobody. */
const FIRST_MS = 1000

export interface WatchParts {
  readonly terms: Pick<Terms, 'lists' | 'everyMs' | 'recheckMs'>
  readonly dns: Resolver
  readonly state: SharedState
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly bus: Bus
  readonly notifier: Notifier | undefined
  readonly signal: AbortSignal
}

export interface Subject {
  readonly list: List
  readonly family: Entries
}

/** Every list for every kind of entries it is asked for: families of addresses, names or hashes. */
export function subjectsOf(lists: readonly List[]): readonly Subject[] {
  return lists.flatMap(list => entriesIn(list).map(family => ({ list, family })))
}

function entriesIn({ holds, ipv4, ipv6 }: List): readonly Entries[] {
  if (holds !== 'addresses') return [holds === 'domains' ? 'names' : 'hashes']
  return [...(ipv4 ? (['ipv4'] as const) : []), ...(ipv6 ? (['ipv6'] as const) : [])]
}

export async function readAll(state: SharedState, now: number): Promise<ReadonlyMap<string, Health>> {
  const entries = await state.list(PREFIX, now)
  return new Map(
    entries.flatMap(({ key, value }) => {
      const health = readHealth(value)
      return health === undefined ? [] : [[key, health] as const]
    }),
  )
}

export function keyOf({ list, family }: Subject): string {
  return `${PREFIX}${list.name}/${family}`
}

export class Watch {
  readonly #parts: WatchParts
  readonly #subjects: readonly Subject[]
  #known: ReadonlyMap<string, Health> = new Map()
  #timer: NodeJS.Timeout | undefined
  /** This process has said how the lists are. */
  #summed = false
  #running: Promise<void> | undefined

  constructor(parts: WatchParts) {
    this.#parts = parts
    this.#subjects = subjectsOf(parts.terms.lists.filter(({ check }) => check !== false))
  }

  /** `undefined`: not tested yet. */
  healthOf(list: List, family: Entries): Health | undefined {
    return this.#known.get(keyOf({ list, family }))
  }

  readonly readiness: Readiness = (list, family) => {
    if (list.check === false) return 'ready'
    const health = this.healthOf(list, family)
    if (health === undefined) return { why: 'not tested yet' }
    if (health.state === 'healthy') return 'ready'
    return health.state === 'silent' ? { why: health.why ?? 'it does not answer' } : 'off'
  }

  start(): void {
    const { terms, dns, log, bus, signal } = this.#parts
    if (this.#subjects.length === 0) return
    if (!dns.configured) {
      log.warn({}, 'lists cannot be asked, no name servers are configured')
      return
    }
    const unsubscribe = bus.subscribe(TOPIC, () => void this.#safely(() => this.#refresh()))
    const every = Math.min(LOOK_MS[1], Math.max(LOOK_MS[0], Math.min(terms.everyMs, terms.recheckMs) / 4))
    const look = () => {
      this.#running = this.#safely(() => this.round()).then(() => {
        if (!signal.aborted) this.#timer = setTimeout(look, every)
      })
    }
    this.#timer = setTimeout(look, FIRST_MS)
    signal.addEventListener('abort', () => {
      clearTimeout(this.#timer)
      unsubscribe()
    })
  }

  /** Waits for what is under way. */
  async end(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#running
  }

  async #safely(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.#parts.signal.aborted) this.#parts.log.error({ err: error }, 'health of lists cannot be told')
    }
  }

  /** Tests what is due, unless another worker is at it. */
  async round(): Promise<void> {
    await this.#refresh()
    if (this.#due().length > 0) await this.#testAll()
    this.#sumUp()
  }

  /** Once in a process, as soon as every list has been tested: by whom and when does not matter. */
  #sumUp(): void {
    const known = this.#subjects.map(one => ({ one, state: this.#known.get(keyOf(one))?.state }))
    if (this.#summed || known.some(({ state }) => state === undefined)) return
    this.#summed = true
    const names = (healthy: boolean) =>
      known.flatMap(({ one, state }) => ((state === 'healthy') === healthy ? [`${one.list.name} ${one.family}`] : []))
    const facts = { healthy: names(true), off: names(false) }
    if (facts.off.length > 0) this.#parts.log.warn(facts, 'lists are tested')
    else this.#parts.log.info(facts, 'lists are tested')
  }

  async #testAll(): Promise<void> {
    const { state, clock, bus } = this.#parts
    const place = await state.enter('check', 1, clock.now())
    if (place === undefined) return
    try {
      // Another worker may have done it while this one looked.
      await this.#refresh()
      await Promise.all(this.#due().map(subject => this.#test(subject)))
      await this.#refresh()
    } finally {
      await place.leave()
    }
    bus.publish(TOPIC, 'health')
  }

  #due(): readonly Subject[] {
    const { terms, clock } = this.#parts
    const now = clock.now()
    // A start is a reason to look, unless it was just done.
    const everyMs = this.#summed ? terms.everyMs : Math.min(terms.everyMs, terms.recheckMs)
    return this.#subjects.filter(one => isDue(this.#known.get(keyOf(one)), everyMs, terms.recheckMs, now))
  }

  async #refresh(): Promise<void> {
    this.#known = await readAll(this.#parts.state, this.#parts.clock.now())
  }

  async #test(subject: Subject): Promise<void> {
    const { dns, clock, signal } = this.#parts
    const key = keyOf(subject)
    const before = this.#known.get(key)
    const found = await this.#ask(subject, dns, signal)
    if (signal.aborted) return
    const { health, changed } = nextHealth(before, found, clock.now())
    await this.#keep(key, health)
    if (changed) this.#say(subject, health, before)
    if (worthTelling(health) && (await this.#tellHouse(subject, health)))
      await this.#keep(key, { ...health, told: true })
  }

  /** What is said afterwards is so: whoever reads it may rely on it. */
  async #keep(key: string, health: Health): Promise<void> {
    const { state, clock } = this.#parts
    await state.put(key, JSON.stringify(health), clock.now() + KEEP_MS)
    this.#known = new Map([...this.#known, [key, health]])
  }

  async #ask({ list, family }: Subject, dns: Resolver, signal: AbortSignal): Promise<Pick<Health, 'state' | 'why'>> {
    try {
      return await within(TEST_MS, signal, inner => testList(dns, list, family, inner))
    } catch (error) {
      return { state: 'silent', why: troubleOf(error) }
    }
  }

  #say({ list, family }: Subject, { state, why }: Health, before: Health | undefined): void {
    const { log, metrics } = this.#parts
    const facts = { list: list.name, family, why }
    if (state !== 'healthy') {
      log.warn(facts, 'list is switched off')
      metrics.count('switchedOff')
    } else if (before !== undefined) log.warn({ list: list.name, family }, 'list is back')
  }

  /** False when it could not be said yet: it is tried again with the next test. */
  async #tellHouse({ list, family }: Subject, { state, why }: Health): Promise<boolean> {
    const { notifier, log } = this.#parts
    if (notifier === undefined) return true
    try {
      await notifier.tell({
        about: `dnsbl ${list.name} ${family}`,
        subject: `The list ${list.name} is switched off`,
        text: [
          `The list ${list.name} (${family}) is not asked any more: ${why ?? state}.`,
          '',
          'It comes back by itself when its test entries (RFC 5782 section 5) are right again. If it is gone for good,',
          'take it out of dnsbl in plugins.yaml. `posthouse dnsbl status` shows all lists.',
          '',
        ].join('\n'),
      })
      return true
    } catch (error) {
      log.debug({ err: error }, 'nobody can be told yet')
      return false
    }
  }
}
