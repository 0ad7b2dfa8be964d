/**
 * full-path: in by SMTP, through the filter, into the mailbox, to the mail program that idles: how long from the closing dot to EXISTS? `plain` is without
 * content filter. One pair of sender and reader is an unhurried server; twenty share its commits. Nothing built in does the same, so there is no reference.
 */
import { Part } from '../lib/part.js'
import { Posthouse } from '../lib/posthouse.js'
import { CONTENT_FILTER, type Scenario, type Stage } from '../lib/scenario.js'
import { probeDurability, startSource } from '../lib/smtp-stage.js'
import type { WatcherQuestions } from '../lib/watcher.js'

const PASSWORD = 'bench secret'
const KB = 1024

export const fullPath: Scenario = {
  name: 'full-path',
  asks: 'How long does a message take from its closing dot to EXISTS at a mail program that idles, with the filter and without (plain)?',
  variants: ['plain', 'filtered'],
  usual: [
    { variant: 'plain', sessions: 1, size: 4 * KB },
    { variant: 'plain', sessions: 20, size: 4 * KB },
    { variant: 'filtered', sessions: 1, size: 4 * KB },
    { variant: 'filtered', sessions: 20, size: 4 * KB },
  ],
  async open(variant, cases, setting): Promise<Stage> {
    const most = Math.max(...cases.map(one => one.sessions))
    const logins = Array.from({ length: most }, (_, n) => `user${n}@bench.test`)
    const posthouse = await Posthouse.start({
      ...setting.serverOptions,
      without: variant === 'plain' ? CONTENT_FILTER : [],
      users: logins.map(login => [login, PASSWORD]),
      plugins: { imap: { cleartext_auth: true } },
    })
    const { ports, flushes, group } = posthouse
    const watcher = setting.keep(new Part<WatcherQuestions>('watcher'), part => part.end())
    const source = startSource(setting)
    return {
      ours: {
        group,
        flushes,
        drive: ({ sessions, size }, seconds) =>
          watcher.ask({
            smtp: ports.mx,
            imap: ports.imap,
            logins: logins.slice(0, sessions),
            password: PASSWORD,
            size,
            seconds,
          }),
      },
      probe: () => probeDurability(setting, source, flushes, { port: ports.mx, recipients: logins.slice(0, 1) }),
    }
  },
}
