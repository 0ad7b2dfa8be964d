/**
 * The list of this site: networks, names, mailboxes and links that an admin has written down, in text files or by command, and how much each
 * weighs. Everything that a mail shows of its origin is looked for in it, without asking anybody. It gives points, and refuses only where
 * config says so; others ask it as the service `local-list`.
 */
import {
  asFarAsKnown,
  type Clock,
  definePlugin,
  type Hooks,
  type Log,
  label,
  objectionTo,
  type Recipient,
  type Session,
  type State,
} from 'posthouse/api'
import { localListCommands } from './commands.js'
import { CONFIG, type Terms, termsOf } from './config.js'
import { ListedMails } from './mails.js'
import { RunTimeList } from './run-time.js'
import { SiteList } from './site-list.js'
import { judge } from './weigh.js'

const ALLOWED = 'local-allowed'
const SWEEP_MS = 3_600_000
/** Nothing of this asks the name service on its own. */
const WHEN_UNKNOWN = { answer: 'pass', text: '', detail: '7.1' } as const

export default definePlugin({
  name: 'local-list',
  summary: 'looks for origin and links of a mail in lists of this site',
  config: CONFIG,
  needs: ['tables'],
  supplies: ['local-list'],
  async setup({ config, files, services, state, clock, log, metrics, dns, purpose }) {
    const terms = termsOf(config)
    const runTime = new RunTimeList(services.get('tables').table('local-list'), config.max_entries)
    const resolve = (name: string) => files.resolve(name)
    const list = new SiteList({ names: config.files, resolve, maxEntries: config.max_entries, runTime, clock, log })
    if (purpose === 'serve') await list.open()
    const mailAuth = () => services.find('mail-auth')
    const mails = new ListedMails({ list, points: terms.points, metrics, mailAuth, looksUp: dns.configured })
    const timers: NodeJS.Timeout[] = []
    return {
      labels: [ALLOWED],
      services: { 'local-list': list },
      commands: localListCommands({ list, runTime, clock }),
      hooks: hooksOf(terms, list, mails),
      started() {
        if (terms.reloadMs > 0 && config.files.length > 0)
          timers.push(setInterval(() => void list.look(), terms.reloadMs).unref())
        timers.push(setInterval(() => void sweep(runTime, state, clock, log), SWEEP_MS).unref())
      },
      dispose: () => timers.forEach(clearInterval),
    }
  },
})

function hooksOf(terms: Terms, list: SiteList, mails: ListedMails): Hooks {
  const enforcing = Number.isFinite(Math.min(terms.rejectAt, terms.deferAt))
  const mayRefuse = (session: Session, { address }: Recipient) =>
    enforcing && isForeign(session) && !terms.spares(address)
  return {
    async connect({ session }, call) {
      const { address } = session.remote
      const entry = await asFarAsKnown(call.log, 'local-list', () => list.find({ kind: 'address', address }))
      return entry?.kind === 'allow' ? label(ALLOWED) : undefined
    },
    async rcpt(asked, call) {
      if (!mayRefuse(asked.session, asked.recipient)) return undefined
      return objectionTo(judge(await mails.ofEnvelope(asked, call), terms), WHEN_UNKNOWN)
    },
    score: async (asked, call) =>
      isForeign(asked.session) ? (await mails.ofMessage(asked, call)).findings : undefined,
    async message(asked, call) {
      if (!mayRefuse(asked.session, asked.recipient)) return undefined
      return objectionTo(judge(await mails.ofMessage(asked, call), terms), WHEN_UNKNOWN)
    },
  }
}

/** Mail of our own, by LMTP or of people who have logged in comes from this house. */
function isForeign({ protocol, account, trusted }: Session): boolean {
  return protocol === 'smtp' && account === undefined && !trusted
}

/** By one of the workers; entries whose time is over are as if they were not there until then. */
async function sweep(runTime: RunTimeList, state: State, clock: Clock, log: Log): Promise<void> {
  const now = clock.now()
  try {
    if ((await state.add('sweep', 1, now, now + SWEEP_MS / 2)) === 1) await runTime.sweep(now)
  } catch (error) {
    log.warn({ err: error }, 'the run-time list cannot be swept now')
  }
}
