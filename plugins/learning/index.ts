/**
 * Learns what spam is from what the people of this site say of their mail, beginning with a model that comes with Posthouse. Contributes the finding
 * `learned`, which is evidence as any other, the commands `posthouse learn …`, and addresses to forward to.
 */
import {
  type Asked,
  asFarAsKnown,
  type Call,
  ConfigError,
  definePlugin,
  type Finding,
  type Message,
  type PluginContext,
} from 'posthouse/api'
import { Beside } from 'posthouse/text'
import { learnCommands } from './commands.js'
import { CONFIG, type Config, termsOf } from './config.js'
import { keyOf, type Label, SITE } from './entry.js'
import { findingOf } from './finding.js'
import { addressesOf, claimOf, objectionOf, TARGET, taughtBy, tooMany } from './forwarding.js'
import { Journal } from './journal.js'
import { type Bounds, type Judgement, judge } from './judge.js'
import { type Read, readLesson } from './lesson.js'
import { Line, learnMark, movedBy } from './marks.js'
import { NO_MODEL, readModel, type StartingModel } from './model.js'
import { shippedModel } from './shipped.js'
import { sweep } from './sweeper.js'
import { Teacher } from './teacher.js'
import { OWN_FINDINGS, togetherOf } from './together.js'
import { tokensIn } from './tokens/tokens.js'

const TOPIC = 'learning'
const FOLLOW_MS = 5000
const SWEEP_MS = 3_600_000
/** More recipients are not looked up. */
const MOST_ASKED = 10

export default definePlugin({
  name: 'learning',
  summary: 'learns from what users say of their mail, and says how likely a mail is spam',
  config: CONFIG,
  needs: ['tables'],
  async setup(context) {
    const { config, services, clock, log, metrics, state, bus, messageOf, purpose } = context
    const terms = termsOf(config)
    let loading: Promise<StartingModel> | undefined
    const model = () => (loading ??= modelOf(context))
    const journal = new Journal(services.get('tables').table('learning'), clock, () => bus.publish(TOPIC, ''))
    // Its faults are told now; the shipped one is read when the doors are open, as nothing depends on it.
    if (purpose === 'serve' && config.model !== undefined) await model()
    let teaching: Promise<Teacher> | undefined
    // One for all: it remembers what keeps the anchors in place, which takes longer than judging a mail.
    const teacherOf = () => (teaching ??= model().then(read => new Teacher({ journal, model: read, clock })))
    const line = new Line()
    const classifier = new Classifier(context, journal, teacherOf)
    const addresses = addressesOf(config)
    const closing: (() => void)[] = []
    let isFollowing = false
    /** Once is enough, however many lessons were told of meanwhile: lessons of our own wait in the same line. */
    const follow = async () => {
      if (isFollowing) return
      isFollowing = true
      try {
        await line.next(() => {
          isFollowing = false
          return journal.follow()
        })
      } catch (error) {
        log.warn({ err: error }, 'what was taught cannot be read')
      } finally {
        // Also when the line was full and it had no turn.
        isFollowing = false
      }
    }
    return {
      labels: [],
      above: addresses.size > 0 ? ['mda'] : [],
      hooks: {
        score: (asked, call) => classifier.finding(asked, call),
        weigh: asked => classifier.together(asked),
        async decided(asked, call) {
          const label = config.autolearn ? sureOf(asked, config) : undefined
          if (label === undefined) return
          await asFarAsKnown(call.log, 'learning', async () => {
            // Read before anything else is waited for: the octets of refused mail are gone soon.
            const read = await readLesson(asked.message)
            await line.next(() => classifier.learnSure(label, read, call))
          })
        },
        async marked({ marking }, call) {
          await asFarAsKnown(call.log, 'learning', () =>
            line.next(async () => {
              const parts = { journal, teacher: await teacherOf(), state, terms, metrics, messageOf }
              const learned = await learnMark(parts, marking, clock.now())
              if (learned === undefined) return
              metrics.count(`learning.marked-${marking.says}`)
              call.log.info(learned, 'learned')
            }),
          )
        },
        ...(addresses.size > 0 && {
          rcpt: (asked: Asked['rcpt']) => objectionOf(addresses, asked),
          route: (asked: Asked['route']) => claimOf(addresses, asked),
        }),
      },
      targets: {
        [TARGET]: {
          scope: 'local',
          lane: () => 'learning',
          async deliver(job) {
            const parts = { teacher: await teacherOf(), state, clock, terms, log, messageOf }
            return (await line.next(() => taughtBy(job, parts))) ?? tooMany(job)
          },
        },
      },
      commands: learnCommands({
        journal: () => journal,
        teacher: teacherOf,
        model,
        bounds: terms.bounds,
        clock,
        messageOf,
        accounts: () => services.find('accounts'),
        mail: () => services.find('store')?.mail,
      }),
      started() {
        void model()
        void follow()
        const unsubscribe = bus.subscribe(TOPIC, () => void follow())
        const following = setInterval(() => void follow(), FOLLOW_MS).unref()
        const sweeping = setInterval(() => void line.next(() => upkeep(journal, context, terms)), SWEEP_MS).unref()
        closing.push(
          unsubscribe,
          () => clearInterval(following),
          () => clearInterval(sweeping),
        )
      },
      dispose() {
        for (const close of closing) close()
      },
    }
  },
})

/** A file the admin has named and that is no model is a fault of the configuration. Without the shipped one mail goes on, judged by what was taught here. */
async function modelOf({ config, files, fault, log }: PluginContext<Config>): Promise<StartingModel> {
  if (config.model === 'none') return NO_MODEL
  try {
    const model = await readModel(config.model === undefined ? shippedModel() : files.resolve(config.model))
    log.debug({ model: model.header.made, tokens: model.header.tokens }, 'starting model read')
    return model
  } catch (error) {
    if (config.model !== undefined)
      throw new ConfigError([fault(['model'], `${config.model}: ${(error as Error).message}`)])
    log.error({ err: error }, 'the starting model that comes with Posthouse cannot be read')
    return NO_MODEL
  }
}

async function upkeep(
  journal: Journal,
  { clock, log }: PluginContext<Config>,
  terms: ReturnType<typeof termsOf>,
): Promise<void> {
  try {
    const left = await sweep(journal, clock, terms)
    await journal.tidy()
    if (left > 0) log.info({ lessons: left }, 'old lessons count no more')
  } catch (error) {
    log.warn({ err: error }, 'old lessons could not be swept')
  }
}

/** What all others are sure of, without what was learned: or it would prove itself. */
function sureOf({ session, verdict, results }: Asked['decided'], config: Config): Label | undefined {
  if (session.account !== undefined || results.every(({ kind }) => kind === 'deferred')) return undefined
  const others = verdict.findings.reduce((sum, { name, points }) => (OWN_FINDINGS.has(name) ? sum : sum + points), 0)
  if (others >= config.autolearn_spam) return 'spam'
  return others <= config.autolearn_ham ? 'ham' : undefined
}

class Classifier {
  readonly #context: PluginContext<Config>
  readonly #journal: Journal
  readonly #teacher: () => Promise<Teacher>
  readonly #bounds: Bounds
  /** Between the moments that a message is asked about at. */
  readonly #judged = new Beside<Message, Judgement>()

  constructor(context: PluginContext<Config>, journal: Journal, teacher: () => Promise<Teacher>) {
    this.#context = context
    this.#bounds = termsOf(context.config).bounds
    this.#journal = journal
    this.#teacher = teacher
  }

  /** Mail of users is not judged: the entry stands for them all the same, since they forward what they teach. */
  async finding(asked: Asked['score'], call: Call): Promise<Finding | undefined> {
    if (asked.session.account !== undefined) return undefined
    return asFarAsKnown(call.log, 'learning', () => this.#found(asked))
  }

  async #found(asked: Asked['score']): Promise<Finding | undefined> {
    const { message } = asked
    const text = await message.text()
    const account = await this.#onlyAccount(asked)
    const sources = await (await this.#teacher()).sources(account)
    // From here on nothing waits: so they need not be copied.
    const found = tokensIn(message, text, true)
    const judged = judge(found.tokens, sources, found.starts)
    this.#judged.set(message, judged)
    return findingOf(found, sources, judged, this.#bounds)
  }

  /** What could not be judged is not weighed either. */
  together({ message, verdict }: Asked['weigh']): Finding | undefined {
    const judged = this.#judged.get(message)
    return judged === undefined ? undefined : togetherOf(verdict.findings, judged)
  }

  /** Whose own lessons count: nobody's, when there are several. */
  async #onlyAccount({ envelope: { recipients } }: Asked['score']): Promise<string | undefined> {
    const local = this.#context.services.find('local-recipients')
    if (local === undefined || recipients.length > MOST_ASKED) return undefined
    const found = await Promise.all(recipients.map(({ address }) => local.accountsOf(address)))
    const ids = new Set(found.flat())
    return ids.size === 1 && found.every(one => one.length > 0) ? [...ids][0] : undefined
  }

  async learnSure(label: Label, read: Read, call: Call): Promise<void> {
    const { config, metrics } = this.#context
    await this.#journal.ready()
    if (this.#journal.byHand() < config.autolearn_after) return
    // What was said of this very mail before stands: it may have been people.
    if (this.#journal.standing(keyOf(SITE, read.print)) !== undefined) return
    const learned = await (await this.#teacher()).learn({ who: SITE, label, by: 'auto', ...read })
    if (learned.kind === 'known') return
    metrics.count(`learning.auto-${label}`)
    call.log.info({ label, by: 'auto', ...movedBy(learned) }, 'learned')
  }
}
