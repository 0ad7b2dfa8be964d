/**
 * Puts one mail after the other before plugins that ask where it comes from, N at a time, as a session would: no server, no store, no network but
 * questions to a name server on this machine. A process of its own (see part.ts), so that its CPU is theirs.
 */
import { join } from 'node:path'
import type { Call, Plugin, Resolver, ServiceTable } from 'posthouse/api'
import { createResolver } from '../../core/dns/resolver.js'
import { reverseName } from '../../core/dns/reverse.js'
import { messageOf } from '../../core/storage/message.js'
import { anEnvelope, aSession, type SetUp, setUp } from '../../core/testing/index.js'
import { createLmdbState } from '../../plugins/store-lmdb/state.js'
import { LmdbTables } from '../../plugins/store-lmdb/tables.js'
import type { Load } from './figures.js'
import { CLIENT } from './origin-mail.js'
import { servePart } from './part.js'

export interface AssessorOrder {
  readonly folder: string
  /** Names with what stands in `with:`. */
  readonly plugins: Readonly<Record<string, object>>
  readonly octets: Buffer
  readonly nameServer: string
  /** Nothing is known from the mail before. */
  readonly fresh: boolean
  /** Words and links of the mail are read, as the content filter does it anyway. */
  readonly text: boolean
  readonly sessions: number
  readonly seconds: number
}

export interface AssessorQuestions {
  readonly ask: AssessorOrder
  readonly answer: Load
}

const MAP_BYTES = 256 * 1024 ** 2
const RECIPIENT = { address: { local: 'reader', domain: 'bench.test' }, dsn: { notify: [] } }
const LATER_MS = 2 * 3_600_000
const MOST = 1_000_000
/** Servers run for weeks: mails go before it until their CPU has not fallen by this part for some blocks, or so many blocks. */
const WARM_BLOCK = 300
const WARM_BLOCKS = 30
const STEADY = 0.02
const STEADY_BLOCKS = 4

class Assessor {
  questions = 0
  #now = Date.now()
  readonly #order: AssessorOrder
  readonly #dns: Resolver
  readonly #sets: SetUp[] = []

  constructor(order: AssessorOrder) {
    this.#order = order
    const clock = { now: () => this.#now }
    this.#dns = this.#counted(
      createResolver({ servers: [order.nameServer], timeoutMs: 2000, tries: 2, clock, maxEntries: 1000 }),
    )
  }

  async open(): Promise<this> {
    const { folder, plugins } = this.#order
    const state = createLmdbState({ path: join(folder, 'state.lmdb'), mapBytes: MAP_BYTES })
    const tables = new LmdbTables({ path: join(folder, 'tables.lmdb'), mapBytes: MAP_BYTES })
    const services: Partial<ServiceTable> = { state, tables, 'signing-keys': { inUse: async () => [] } as never }
    for (const [name, config] of Object.entries(plugins)) {
      const { default: plugin } = (await import(`../../plugins/${name}/index.js`)) as { readonly default: Plugin }
      const set = await setUp(plugin, { config, dns: this.#dns, services, state })
      Object.assign(services, set.contribution.services)
      this.#sets.push(set)
    }
    return this
  }

  async assess(octets: Buffer): Promise<void> {
    if (this.#order.fresh) this.#now += LATER_MS
    const reverse = reverseName(this.#dns, CLIENT)
    const remote = { address: CLIENT, port: 25 }
    const session = aSession({ remote, helo: 'mx.shop.example.com', reverse: () => reverse })
    const envelope = anEnvelope({ sender: { local: 'orders', domain: 'shop.example.com' } })
    const message = messageOf(octets)
    if (this.#order.text) await message.text()
    await this.#each(({ hooks }, call) => hooks.connect?.({ session }, call))
    await this.#each(({ hooks }, call) => hooks.helo?.({ session, name: session.helo! }, call))
    await this.#each(({ hooks }, call) => hooks.mail?.({ session, envelope, parameters: {} } as never, call))
    await this.#each(({ hooks }, call) => hooks.rcpt?.({ session, envelope, recipient: RECIPIENT }, call))
    const asked = { session, envelope, message }
    const found = await this.#each(({ hooks }, call) => hooks.score?.(asked, call))
    const findings = found.flatMap(one => one ?? [])
    const verdict = { findings, sum: findings.reduce((sum, { points }) => sum + points, 0) }
    await this.#each(({ hooks }, call) => hooks.message?.({ ...asked, verdict, recipient: RECIPIENT } as never, call))
    await this.#each(({ hooks }, call) => hooks.headers?.({ ...asked, verdict } as never, call))
    await this.#each(({ hooks }, call) => hooks.disconnect?.({ session } as never, call))
  }

  /** Node.js compiles what is used often for a while, and with so many parts it is a long one. */
  async warmUp(octets: Buffer): Promise<void> {
    let [best, since] = [Number.POSITIVE_INFINITY, 0]
    for (let block = 0; block < WARM_BLOCKS && since < STEADY_BLOCKS; block++) {
      const before = process.cpuUsage()
      for (let n = 0; n < WARM_BLOCK; n++) {
        await this.assess(octets)
        if (n % 16 === 0) await new Promise(setImmediate)
      }
      const { user, system } = process.cpuUsage(before)
      since = user + system < best * (1 - STEADY) ? 0 : since + 1
      best = Math.min(best, user + system)
    }
  }

  #each<T>(ask: (set: SetUp, call: Call) => T): Promise<Awaited<T>[]> {
    return Promise.all(this.#sets.map(set => ask(set, set.call)))
  }

  #counted(dns: Resolver): Resolver {
    const counted =
      <A extends readonly unknown[], R>(ask: (...asked: A) => R) =>
      (...asked: A): R => {
        this.questions += 1
        return ask(...asked)
      }
    const { mx, a, aaaa, txt, ptr } = dns
    return {
      configured: true,
      mx: counted(mx),
      a: counted(a),
      aaaa: counted(aaaa),
      txt: counted(txt),
      ptr: counted(ptr),
    }
  }
}

let standing: Promise<Assessor> | undefined

servePart<AssessorQuestions>(async order => {
  // As it comes from another process it is no Buffer any more.
  const octets = Buffer.from(order.octets)
  const fresh = standing === undefined
  standing ??= new Assessor(order).open()
  const assessor = await standing
  if (fresh) await assessor.warmUp(octets)
  const latencies = new Float64Array(MOST)
  assessor.questions = 0
  let count = 0
  const startMs = performance.now()
  const endMs = startMs + order.seconds * 1000
  const turns = async (): Promise<void> => {
    for (let beganMs = performance.now(); beganMs < endMs && count < MOST; ) {
      const at = count++
      await assessor.assess(octets)
      const doneMs = performance.now()
      latencies[at] = doneMs - beganMs
      beganMs = doneMs
      // What is known already is answered without leaving the turn: timers and signals shall have theirs.
      if (at % 64 === 0) await new Promise(setImmediate)
    }
  }
  await Promise.all(Array.from({ length: order.sessions }, turns))
  const elapsedMs = performance.now() - startMs
  const bytes = count * order.octets.length
  return {
    messages: count,
    bytes,
    elapsedMs,
    latencies: latencies.slice(0, count),
    errors: [],
    questions: assessor.questions,
  }
})
