/**
 * Where a mail comes from, as far as names and its own trace fields tell, without anybody being asked but for the reverse name of the client: facts for other
 * plugins (service `origin`), and as findings what is odd about them. It decides nothing.
 */
import {
  type Asked,
  awaitedLater,
  type Call,
  ConfigError,
  definePlugin,
  type Fault,
  type Message,
  type Origin,
  type OriginFacts,
  type YamlPath,
} from 'posthouse/api'
import { Beside } from 'posthouse/text'
import { Age } from './age.js'
import { originCommands } from './commands.js'
import { CONFIG, type Config, termsOf } from './config.js'
import { Domains } from './domains.js'
import { findingsFrom } from './findings.js'
import { arrivalOf, type Gathered, type GatherParts, gather, remembered } from './gather.js'
import { ListFault, type Lists, readLists } from './lists.js'

/** Set by the plugin `helo`. */
const GREETING_JUDGED = 'greeting-judged'

export default definePlugin({
  name: 'origin',
  summary: 'names, trace fields and clients of mail that comes in: facts, and points for what is odd',
  config: CONFIG,
  supplies: ['origin'],
  async setup({ config, files, fault, state, clock, server, dns, signal, log, messageOf }) {
    const terms = termsOf(config)
    const domains = new Domains(await listsOf(config, files, fault))
    const age = new Age({ state, rememberMs: terms.rememberMs, log })
    const parts: GatherParts = { terms, domains, age, now: () => clock.now() }
    const judging = () => ({ terms, house: server, now: clock.now() })
    const found = new Found(parts)
    return {
      services: { origin: found },
      hooks: {
        async score(asked, call) {
          const gathered = await found.gathered(asked, call)
          const greetingJudged = asked.session.labels.has(GREETING_JUDGED)
          return gathered && findingsFrom(gathered, asked.message, { ...judging(), greetingJudged })
        },
      },
      commands: originCommands({ parts, judging, dns, signal, messageOf }),
      dispose: () => age.write(),
    }
  },
})

/** One look at each message, whoever asks first. */
class Found implements Origin {
  readonly #parts: GatherParts
  readonly #known = new Beside<Message, Promise<Gathered>>()

  constructor(parts: GatherParts) {
    this.#parts = parts
  }

  domain(name: string) {
    return this.#parts.domains.facts(name)
  }

  async found(asked: Asked['score'], call: Call): Promise<OriginFacts | undefined> {
    return (await this.gathered(asked, call))?.facts
  }

  async gathered(asked: Asked['score'], call: Call): Promise<Gathered | undefined> {
    const { session, message } = asked
    // LMTP and mail of our own come from this house, as does whoever has logged in.
    if (session.protocol !== 'smtp' || session.account !== undefined || session.trusted) return undefined
    const there = this.#known.get(message)
    if (there !== undefined) return there
    const known = awaitedLater(this.#gather(asked, call))
    this.#known.set(message, known)
    return known
  }

  async #gather(asked: Asked['score'], call: Call): Promise<Gathered> {
    const gathered = await gather(arrivalOf(asked, this.#parts.terms), this.#parts)
    return { ...gathered, facts: await remembered(gathered.facts, call, this.#parts) }
  }
}

async function listsOf(
  config: Config,
  files: Parameters<typeof readLists>[1],
  fault: (path: YamlPath, message: string) => Fault,
): Promise<Lists> {
  try {
    return await readLists(config.lists, files)
  } catch (error) {
    if (!(error instanceof ListFault)) throw error
    throw new ConfigError([fault(['lists', error.list, 'files', error.index], error.message)])
  }
}
