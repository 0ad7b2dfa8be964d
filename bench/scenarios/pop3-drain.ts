/**
 * pop3-drain: mail programs that fetch all their mail and delete it, a mailbox for each session. The mailboxes are filled again before each turn, which is
 * not measured. QUIT is what deletes, durably (RFC 1939 §6), so the commits of a turn are few.
 */
import type { DrainerQuestions } from '../lib/drainer.js'
import type { Case } from '../lib/figures.js'
import { Part } from '../lib/part.js'
import { Posthouse } from '../lib/posthouse.js'
import { CONTENT_FILTER, type Scenario, type Stage } from '../lib/scenario.js'
import { startSource } from '../lib/smtp-stage.js'

const PASSWORD = 'bench-secret'
/** In all mailboxes together. */
const MESSAGES = 2000
const KB = 1024

export const pop3Drain: Scenario = {
  name: 'pop3-drain',
  asks: 'How quickly is mail fetched and deleted by POP3, a mailbox for each session? A latency is RETR and DELE of one message',
  variants: ['all'],
  usual: [
    { variant: 'all', sessions: 1, size: 4 * KB },
    { variant: 'all', sessions: 20, size: 4 * KB },
    { variant: 'all', sessions: 20, size: 50 * KB },
  ],
  async open(_variant, cases, setting): Promise<Stage> {
    const most = Math.max(...cases.map(one => one.sessions))
    const logins = Array.from({ length: most }, (_, n) => `user${n}@bench.test`)
    const posthouse = await Posthouse.start({
      ...setting.serverOptions,
      without: CONTENT_FILTER,
      users: logins.map(login => [login, PASSWORD]),
      plugins: { pop3: { cleartext_auth: true } },
    })
    const { ports, flushes, group } = posthouse
    const source = startSource(setting)
    const drainer = setting.keep(new Part<DrainerQuestions>('drainer'), part => part.end())
    const each = (sessions: number): number => Math.max(1, Math.floor((setting.args.mailbox ?? MESSAGES) / sessions))
    /** A mailbox at a time, so that each has the same number. */
    const fill = async ({ sessions, size }: Case): Promise<void> => {
      for (const login of logins.slice(0, sessions)) {
        const order = {
          port: ports.mx,
          sessions: Math.min(20, each(sessions)),
          size,
          recipients: [login],
          seconds: 120,
        }
        const load = await source.ask({ ...order, maxMessages: each(sessions) })
        if (load.messages !== each(sessions))
          throw new Error(`a mailbox could not be filled: ${load.errors.join('; ')}`)
      }
    }
    return {
      ours: {
        group,
        flushes,
        prepare: fill,
        drive: ({ sessions }) =>
          drainer.ask({
            port: ports.pop3,
            logins: logins.slice(0, sessions),
            password: PASSWORD,
            messages: each(sessions),
          }),
      },
      probe: async () => ({ kind: 'not checked', why: 'QUIT deletes; what is read is not written' }),
    }
  },
}
