/**
 * What happened with a sender before on this site: with the address, its domain and organisation, who signed it, and the network it came from. Tells
 * it to the filter as findings, to other plugins as the service `reputation`, and to people by `posthouse sender`.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import {
  type Asked,
  type AuthFacts,
  asFarAsKnown,
  awaitedLater,
  type Call,
  definePlugin,
  type Message,
  ownCall,
  type PluginContext,
  type Reputation,
  type ReputationFacts,
  type Session,
  type Verdict,
} from 'posthouse/api'
import { Beside, organisationOf, parseAddress, readTally } from 'posthouse/text'
import { senderCommands } from './commands.js'
import { CONFIG, type Config, type Terms, termsOf } from './config.js'
import { findingsFrom, OWN_FINDINGS } from './findings.js'
import { type Author, networkOf, type Origin, originOf, plainAuthor } from './identity.js'
import { historyKey, KNOWN, knownDomain, knownKey } from './keys.js'
import { Ledger } from './ledger.js'
import { learnMark } from './marks.js'
import { type Class, ORIGIN_FIELD, originField } from './origin-field.js'
import { isReached, type Standing, standingOf } from './standing.js'
import { answersOurs, learnWritten } from './written.js'

/** More recipients, or more accounts behind them, are not looked up: nobody writes personally to so many. */
const MOST_ASKED = 10
/** Markings that may wait for each other. */
const MOST_MARKS = 1000
/** A session that asked for people nobody has counts as one refused mail when it asked for so many. */
const UNKNOWN_ARE_ONE = 4
/** So many at once take a few milliseconds, and sessions go on between. */
const PIECE = 500

interface Found {
  readonly origin: Origin
  readonly standing: Standing
}

export default definePlugin({
  name: 'reputation',
  summary: 'knows what came of mail of this sender, domain and network before, and whom our users write to',
  config: CONFIG,
  needs: ['state'],
  supplies: ['reputation'],
  setup(context) {
    const { config, state, clock, log, metrics, server } = context
    const terms = termsOf(config)
    const wrote = (tallies: number) => metrics.count('reputation.tallies-written', tallies)
    const ledger = new Ledger({ state, clock, log, writeEveryMs: terms.writeEveryMs, wrote })
    const known = new Known(context, ledger, terms)
    const marks = new Marks()
    const isOurs = (domain: string) => server.domains.has(domain)
    return {
      services: { reputation: known },
      commands: senderCommands({ state, clock, ledger, terms, isOurs }),
      hooks: {
        async score(asked, call) {
          const found = await known.of(asked, call)
          return found && findingsFrom(found.standing, terms.points, clock.now())
        },
        async headers(asked, call) {
          const found = await known.of(asked, call)
          if (found === undefined) return undefined
          const { identities } = found.origin
          const value = originField({ class: classOf(asked.verdict, terms), at: clock.now(), identities })
          return [
            { kind: 'remove', name: ORIGIN_FIELD },
            { name: ORIGIN_FIELD, value, within: 'local' },
          ]
        },
        async decided(asked, call) {
          const { account } = asked.session
          await asFarAsKnown(call.log, 'reputation', async () => {
            if (account !== undefined) await learnWritten({ ledger, state, clock, terms, isOurs }, asked, account)
            else learnReceived(ledger, terms, asked, await known.of(asked, call))
          })
        },
        marked: ({ marking }, call) =>
          marks.next(() =>
            asFarAsKnown(call.log, 'reputation', async () => {
              const counted = await learnMark({ ledger, state, clock, terms }, marking)
              if (counted) metrics.count(`reputation.marked-${marking.says}`)
            }),
          ),
        async event({ event: { kind, recipient, class: meaning } }, call) {
          const author = plainAuthor(parseAddress(recipient ?? ''))
          const sum = failureSum(kind, meaning)
          if (author === undefined || sum === undefined) return
          await asFarAsKnown(call.log, 'reputation', async () => {
            const key = knownKey(author)
            // Of those who are known only, or strangers could fill the state by what is passed on for them.
            if (await ledger.has(key, terms.correspondents)) ledger.count(key, { [sum]: 1 }, terms.correspondents)
          })
        },
        disconnect({ session }) {
          const { unknown } = session.refused
          if (unknown === 0 || !isForeign(session)) return
          const refused = Math.min(1, unknown / UNKNOWN_ARE_ONE)
          for (const network of networkOf(session.remote.address))
            ledger.count(historyKey(network), { refused }, terms.history)
        },
      },
      dispose: () => ledger.write(),
    }
  },
})

/** LMTP and mail of our own come from this house. */
function isForeign({ protocol, account, trusted }: Session): boolean {
  return protocol === 'smtp' && account === undefined && !trusted
}

/** Once for each message, whoever asks first. */
class Known implements Reputation {
  readonly #context: PluginContext<Config>
  readonly #ledger: Ledger
  readonly #terms: Terms
  readonly #found = new Beside<Message, Promise<Found | undefined>>()

  constructor(context: PluginContext<Config>, ledger: Ledger, terms: Terms) {
    this.#context = context
    this.#ledger = ledger
    this.#terms = terms
  }

  async found(asked: Asked['score'], call: Call): Promise<ReputationFacts | undefined> {
    return (await this.of(asked, call))?.standing.facts
  }

  async writtenTo(mostAddresses: number): Promise<readonly string[]> {
    const { state, clock } = this.#context
    const now = clock.now()
    const entries = await state.list(KNOWN, now, mostAddresses)
    const domains = new Set<string>()
    for (const [at, { key, value }] of entries.entries()) {
      if (isReached(readTally(value, this.#terms.correspondents, now))) domains.add(knownDomain(key))
      if (at % PIECE === PIECE - 1) await breathe()
    }
    return [...domains]
  }

  async of(asked: Asked['score'], call: Call): Promise<Found | undefined> {
    if (!isForeign(asked.session)) return undefined
    const there = this.#found.get(asked.message)
    if (there !== undefined) return there
    const own = ownCall(call, this.#context.log, asked.session)
    const found = awaitedLater(asFarAsKnown(own.log, 'reputation', () => this.#look(asked, own)))
    this.#found.set(asked.message, found)
    return found
  }

  async #look(asked: Asked['score'], call: Call): Promise<Found> {
    const { services, state, clock } = this.#context
    const { session, message } = asked
    const auth = await services.find('mail-auth')?.found(asked, call)
    const origin = originOf(message, session.remote.address, auth)
    const [accounts, answers] = await Promise.all([
      origin.author === undefined ? undefined : this.#accountsOf(asked),
      answersOurs(state, message, origin.author, clock.now()),
    ])
    const question = { origin, accounts, answers, vouching: vouchingOf(auth, origin.author) }
    return { origin, standing: await standingOf(this.#ledger, this.#terms, question) }
  }

  /** Nothing: there are many, or one of them is nobody's here. */
  async #accountsOf({ envelope: { recipients } }: Asked['score']): Promise<readonly string[] | undefined> {
    const local = this.#context.services.find('local-recipients')
    if (local === undefined || recipients.length > MOST_ASKED) return undefined
    const found = await Promise.all(recipients.map(({ address }) => local.accountsOf(address)))
    const ids = [...new Set(found.flat())]
    return found.some(one => one.length === 0) || ids.length > MOST_ASKED ? undefined : ids
  }
}

/** Who shows that From is right. */
function vouchingOf(auth: AuthFacts | undefined, author: Author | undefined): readonly string[] {
  if (auth === undefined || author === undefined) return []
  const whole = organisationOf(author.domain)
  const all = [
    ...auth.dkim.map(one => ({ ...one, by: 'DKIM' })),
    ...(auth.mailFrom ? [{ ...auth.mailFrom, by: 'SPF' }] : []),
  ]
  return all
    .filter(({ result, domain }) => result === 'pass' && organisationOf(domain) === whole)
    .map(({ by, domain }) => `${by} of ${domain}`)
}

/** By what others say: what this plugin itself says of a mail must not make it believe it the more the next time. */
function classOf({ findings }: Verdict, { spamFrom, hamBelow }: Terms): Class {
  const sum = findings.reduce((total, { name, points }) => (OWN_FINDINGS.has(name) ? total : total + points), 0)
  if (sum >= spamFrom) return 'spam'
  return sum < hamBelow ? 'ham' : 'unsure'
}

/** Refused for good is as bad as spam, unless it took our own word to get there: which must not prove itself. */
function amountOf(verdict: Verdict, terms: Terms, refused: boolean): 'refused' | Class {
  const counted = classOf(verdict, terms)
  if (!refused) return counted
  const ours = verdict.findings.some(({ name, points }) => OWN_FINDINGS.has(name) && points > 0)
  return ours && counted !== 'spam' ? 'unsure' : 'refused'
}

/** For whoever is proved, the network and the site. What is deferred comes again, and what no mailbox took says nothing of its sender. */
function learnReceived(
  ledger: Ledger,
  terms: Terms,
  { verdict, results }: Asked['decided'],
  found: Found | undefined,
): void {
  const kinds = new Set(results.map(({ kind }) => kind))
  if (found === undefined || kinds.has('deferred') || (kinds.size === 1 && kinds.has('undeliverable'))) return
  const refused = kinds.size === 1 && kinds.has('refused')
  const amounts = { [amountOf(verdict, terms, refused)]: 1 }
  for (const identity of found.origin.identities) ledger.count(historyKey(identity), amounts, terms.history)
  const { proved, author } = found.origin
  const { answers, correspondent } = found.standing.facts
  if (answers && proved === 'yes' && correspondent !== undefined)
    ledger.count(knownKey(author!), { answered: 1 }, terms.correspondents)
}

/** What a correspondent is less known for. */
function failureSum(kind: string, meaning: string | undefined): 'bounced' | 'complained' | undefined {
  if (kind === 'complained') return 'complained'
  const gone = meaning === 'no-such-user' || meaning === 'bad-address'
  return (kind === 'failed' || kind === 'returned') && gone ? 'bounced' : undefined
}

/** One after the other, and only so many wait. */
class Marks {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  async next(work: () => Promise<unknown>): Promise<void> {
    if (this.#waiting >= MOST_MARKS) return
    this.#waiting++
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    try {
      await done
    } finally {
      this.#waiting--
    }
  }
}
