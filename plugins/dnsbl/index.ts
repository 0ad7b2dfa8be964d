/**
 * Lists of addresses in the name service, against (DNSBL) and for (DNSWL) a client. They are asked when it connects and nobody waits
 * for them then; what they say together is answered at `answer_at`: at RCPT, so that people who log in and mail for postmaster get
 * through, and the log names the recipient.
 */
import { isIPv6 } from 'node:net'
import {
  type Answered,
  awaitedLater,
  type Call,
  ConfigError,
  definePlugin,
  type Log,
  label,
  type Metrics,
  objectionTo,
  type Resolver,
  type Session,
  tellUnknown,
} from 'posthouse/api'
import { plainIp, reversedLabels } from 'posthouse/text'
import { dnsblCommands } from './commands.js'
import { CONFIG, faultsIn, type List, type Terms, termsOf } from './config.js'
import type { Family } from './health.js'
import { askLists, type Heard } from './lookup.js'
import { Watch } from './watch.js'
import { findingsOf, judge, labelsOf, type Weighed, weigh } from './weigh.js'

const UNKNOWN_REPLY = { text: 'Your address cannot be looked up now, try again later', detail: '7.1' }
const NOTHING: Weighed = { hits: [], sum: 0, unknown: [] }

export default definePlugin({
  name: 'dnsbl',
  summary: 'lists of addresses in the name service, against and for a client',
  config: CONFIG,
  needs: ['state'],
  setup({ config, fault, dns, state, clock, log, metrics, bus, services, signal, purpose }) {
    const faults = faultsIn(config, fault)
    if (faults.length > 0) throw new ConfigError(faults)
    const terms = termsOf(config)
    const notifier = services.find('notifier')
    const watch = new Watch({ terms, dns, state, clock, log, metrics, bus, notifier, signal })
    if (purpose === 'serve') watch.start()
    const clients = new Clients(terms, dns, watch, metrics)
    return {
      labels: ['dnsbl-listed', 'dnswl-listed'],
      commands: dnsblCommands(terms, dns, state, clock),
      hooks: {
        connect({ session }, call) {
          const weighed = clients.weighed(session, call)
          return terms.answerAt === 'connect' ? clients.answer(session, weighed) : undefined
        },
        rcpt: ({ session, recipient }, call) =>
          terms.answerAt === 'rcpt' && !terms.spares(recipient.address)
            ? clients.answer(session, clients.weighed(session, call))
            : undefined,
        score: async ({ session }, call) =>
          terms.score ? findingsOf(await clients.weighed(session, call)) : undefined,
      },
      dispose: () => watch.end(),
    }
  },
})

/** What the lists say of each client; XCLIENT makes another client of a session. */
class Clients {
  readonly #terms: Terms
  readonly #dns: Resolver
  readonly #watch: Watch
  readonly #metrics: Metrics
  readonly #weighed = new WeakMap<Session, { readonly address: string; readonly weighed: Promise<Weighed> }>()

  constructor(terms: Terms, dns: Resolver, watch: Watch, metrics: Metrics) {
    this.#terms = terms
    this.#dns = dns
    this.#watch = watch
    this.#metrics = metrics
  }

  weighed(session: Session, call: Call): Promise<Weighed> {
    const { address } = session.remote
    const there = this.#weighed.get(session)
    if (there?.address === address) return there.weighed
    const weighed = awaitedLater(this.#ask(session, call))
    this.#weighed.set(session, { address, weighed })
    return weighed
  }

  async answer(session: Session, asked: Promise<Weighed>): Promise<Answered['rcpt']> {
    const weighed = await asked
    const judgement = judge(weighed, session.remote.address, this.#terms)
    const objection = objectionTo(judgement, { answer: this.#terms.whenUnknown, ...UNKNOWN_REPLY })
    if (objection !== undefined) return objection
    const labels = labelsOf(weighed, this.#terms)
    return labels.length === 0 ? undefined : label(...labels)
  }

  async #ask({ protocol, remote: { address } }: Session, call: Call): Promise<Weighed> {
    const labels = reversedLabels(address)
    // Mail of our own comes from nowhere.
    if (protocol === 'internal' || labels === undefined || this.#terms.exempt.has(address)) return NOTHING
    const { ready, heard } = this.#sort(isIPv6(plainIp(address)) ? 'ipv6' : 'ipv4')
    if (ready.length > 0) heard.push(...(await askLists(this.#dns, ready, labels, this.#terms.withinMs, call.signal)))
    const weighed = weigh(heard)
    this.#note(weighed, call.log)
    return weighed
  }

  /** Whom to ask, and what is already known of those who are not asked. Lists that are wrong are as if they were not there. */
  #sort(family: Family): { readonly ready: readonly List[]; readonly heard: Heard[] } {
    const ready: List[] = []
    const heard: Heard[] = []
    for (const list of this.#terms.lists.filter(one => one[family])) {
      const health = list.check ? this.#watch.healthOf(list, family) : undefined
      if (!list.check || health?.state === 'healthy') ready.push(list)
      else if (health === undefined) heard.push({ list, listing: { kind: 'unknown', why: 'not tested yet' } })
      else if (health.state === 'silent')
        heard.push({ list, listing: { kind: 'unknown', why: health.why ?? 'it does not answer' } })
    }
    return { ready, heard }
  }

  #note({ hits, sum, unknown }: Weighed, log: Log): void {
    tellUnknown(
      log,
      unknown.map(({ list, why }) => ({ kind: 'unknown', rule: list.name, why })),
    )
    if (unknown.length > 0) this.#metrics.count('unknown', unknown.length)
    if (hits.length === 0) return
    this.#metrics.count('listed')
    log.info({ sum, lists: hits.map(({ says, points }) => `${says} ${points}`) }, 'address is on lists')
  }
}
