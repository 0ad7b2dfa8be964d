/**
 * smtp-in: mail comes in by SMTP and is on disk before the 250. `mailbox` is filed at once for local users, without content filter;
 * `tls` is the same with STARTTLS, `filtered` with the config as shipped, so with the rules; `queue` waits for a host that accepts connections and never
 * greets, so that accepting alone is measured and nothing goes out meanwhile.
 */
import { join } from 'node:path'
import type { Case } from '../lib/figures.js'
import { driveSmtpSource, findSmtpSource } from '../lib/postfix-source.js'
import { Posthouse } from '../lib/posthouse.js'
import { CONTENT_FILTER, mostMessages, type Scenario, type Setting, type Side, type Stage } from '../lib/scenario.js'
import { probeDurability, type Source, startReference, startSink, startSource } from '../lib/smtp-stage.js'
import type { SourceOrder } from '../lib/source.js'

const USERS = ['ada', 'ben'].map(name => `${name}@bench.test`)
const FAR = ['reader@far.test']
const KB = 1024

export const smtpIn: Scenario = {
  name: 'smtp-in',
  asks: 'How much mail is taken in by SMTP, durably: into mailboxes, the same with TLS and with the whole filter, into the queue?',
  variants: ['mailbox', 'tls', 'filtered', 'queue'],
  usual: [
    { variant: 'mailbox', sessions: 1, size: 4 * KB },
    { variant: 'mailbox', sessions: 20, size: 4 * KB },
    { variant: 'mailbox', sessions: 100, size: 4 * KB },
    { variant: 'mailbox', sessions: 20, size: 50 * KB },
    { variant: 'tls', sessions: 20, size: 4 * KB },
    { variant: 'filtered', sessions: 20, size: 4 * KB },
    { variant: 'queue', sessions: 20, size: 4 * KB },
  ],
  async open(variant, _cases, setting): Promise<Stage> {
    const source = startSource(setting)
    const posthouse = await start(variant, setting)
    const reference = await startReference(setting, { kind: 'file', folder: join(setting.folder, 'reference') })
    const recipients = variant === 'queue' ? FAR : USERS
    const side = (port: number, tls: boolean): Side['drive'] => driver(setting, source, { port, recipients, tls })
    return {
      ours: {
        group: posthouse.group,
        flushes: posthouse.flushes,
        drive: side(posthouse.ports.mx, variant === 'tls'),
      },
      // In clear text always: what TLS costs is what is asked.
      reference: { ...reference, drive: side(reference.ports[0]!, false) },
      probe: () =>
        probeDurability(setting, source, posthouse.flushes, { port: posthouse.ports.mx, recipients: recipients }),
    }
  },
}

async function start(variant: string, setting: Setting): Promise<Posthouse> {
  const without = variant === 'filtered' ? [] : CONTENT_FILTER
  const common = { ...setting.serverOptions, without }
  if (variant !== 'queue') return Posthouse.start({ ...common, users: USERS.map(login => [login, 'bench secret']) })
  const { ports } = await startSink(setting, { tarpit: true, lanes: 1 })
  return Posthouse.start({
    ...common,
    users: [],
    server: { relay_domains: ['far.test'] },
    plugins: { mx: { routes: { 'far.test': `127.0.0.1:${ports[0]}` } } },
  })
}

function driver(setting: Setting, source: Source, to: Pick<SourceOrder, 'port' | 'recipients' | 'tls'>): Side['drive'] {
  const { client, reconnect } = setting.args
  return (one: Case, seconds: number) => {
    const { sessions, size } = one
    const order: SourceOrder = {
      ...to,
      sessions,
      size,
      seconds,
      maxMessages: mostMessages(size, setting.args),
      reconnect,
    }
    // It knows no TLS.
    const path = client === 'smtp-source' && to.tls !== true ? findSmtpSource() : undefined
    return path === undefined ? source.ask(order) : driveSmtpSource(path, order)
  }
}
