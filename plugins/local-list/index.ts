/**
 * The list of this site: networks, names, mailboxes and links that an admin has written down, in text files or by command, and how much each
 * weighs. Everything that a mail shows of its origin is looked for in it, without asking anybody. It gives points, and refuses only where
 * config says so; others ask it as the service `local-list`.
 */
import {
  type Asked,
  type AuthFacts,
  asFarAsKnown,
  awaitedLater,
  type Call,
  definePlugin,
  label,
  type Message,
  objectionTo,
  type ReverseName,
  type Session,
  within,
} from 'posthouse/api'
import { localListCommands } from './commands.js'
import { CONFIG, termsOf } from './config.js'
import { RunTimeList } from './run-time.js'
import { SiteList } from './site-list.js'
import { ofEnvelope, ofMessage, type Wanted } from './subjects.js'
import { type Hit, judge, type Weighed, weigh } from './weigh.js'

const ALLOWED = 'local-allowed'
const NOTHING: Weighed = { findings: [], sum: 0 }
const SWEEP_MS = 3_600_000
const REVERSE_MS = 5000
const WHEN_UNKNOWN = { answer: 'pass', text: '', detail: '7.1' } as const

export default definePlugin({
  name: 'local-list',
  summary: 'looks for origin and links of a mail in lists of this site',
  config: CONFIG,
  needs: ['tables'],
  supplies: ['local-list'],
  async setup({ config, files, services, clock, log, metrics, dns, purpose }) {
    const terms = termsOf(config)
    const runTime = new RunTimeList(services.get('tables').table('local-list'), config.max_entries)
    const list = new SiteList({
      names: config.files,
      resolve: name => files.resolve(name),
      maxEntries: config.max_entries,
      runTime,
      clock,
      log,
    })
    if (purpose === 'serve') await list.open()
    const timers: NodeJS.Timeout[] = []
    const enforcing = Number.isFinite(Math.min(terms.rejectAt, terms.deferAt))
    const judged = new WeakMap<Message, Promise<Weighed>>()

    async function weighed(wanted: readonly Wanted[], call: Call): Promise<Weighed> {
      const found = await Promise.all(wanted.map(async one => ({ ...one, entry: await list.find(one.question) })))
      const hits = found.filter((one): one is Hit => one.entry !== undefined)
      if (hits.length === 0) return NOTHING
      const result = weigh(hits, terms.points)
      metrics.count('local-list.hits', hits.length)
      call.log.info(
        { sum: result.sum, entries: hits.slice(0, 10).map(({ entry }) => `${entry.pattern} (${entry.place})`) },
        'mail is on the local list',
      )
      return result
    }

    /** Found out once for each message. Trouble with the store is said in the log and holds nobody up. */
    function ofMail(asked: Asked['score'], call: Call): Promise<Weighed> {
      const there = judged.get(asked.message)
      if (there !== undefined) return there
      const work = async () => {
        const facts: AuthFacts | undefined = await services.find('mail-auth')?.found(asked, call)
        return weighed(await ofMessage(asked, await reverseOf(asked.session, call), facts), call)
      }
      const found = awaitedLater(asFarAsKnown(call.log, 'local-list', work).then(known => known ?? NOTHING))
      judged.set(asked.message, found)
      return found
    }

    async function reverseOf(session: Session, call: Call): Promise<ReverseName | undefined> {
      if (session.reversed !== undefined || !dns.configured) return session.reversed
      return asFarAsKnown(call.log, 'local-list-reverse', () =>
        within(REVERSE_MS, call.signal, () => session.reverse()),
      )
    }

    return {
      labels: [ALLOWED],
      services: { 'local-list': list },
      commands: localListCommands({ list, runTime, clock }),
      hooks: {
        async connect({ session }, call) {
          const address = session.remote.address
          const entry = await asFarAsKnown(call.log, 'local-list', () => list.find({ kind: 'address', address }))
          return entry?.kind === 'allow' ? label(ALLOWED) : undefined
        },
        async rcpt(asked, call) {
          if (!enforcing || !isForeign(asked.session) || terms.spares(asked.recipient.address)) return undefined
          const work = async () => weighed(ofEnvelope(asked, await reverseOf(asked.session, call)), call)
          const known = await asFarAsKnown(call.log, 'local-list', work)
          return known && objectionTo(judge(known, terms), WHEN_UNKNOWN)
        },
        score: async (asked, call) => (isForeign(asked.session) ? (await ofMail(asked, call)).findings : undefined),
        async message(asked, call) {
          if (!enforcing || !isForeign(asked.session) || terms.spares(asked.recipient.address)) return undefined
          return objectionTo(judge(await ofMail(asked, call), terms), WHEN_UNKNOWN)
        },
      },
      started() {
        const safely = (work: Promise<unknown>, sentence: string) =>
          void work.catch(error => log.warn({ err: error }, sentence))
        if (terms.reloadMs > 0 && config.files.length > 0)
          timers.push(setInterval(() => void list.look(), terms.reloadMs).unref())
        const sweep = () => safely(runTime.sweep(clock.now()), 'the run-time list cannot be swept now')
        timers.push(setInterval(sweep, SWEEP_MS).unref())
      },
      dispose: () => timers.forEach(clearInterval),
    }
  },
})

/** Mail of our own, by LMTP or of people who have logged in comes from this house. */
function isForeign({ protocol, account, trusted }: Session): boolean {
  return protocol === 'smtp' && account === undefined && !trusted
}
