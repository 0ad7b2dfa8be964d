/**
 * The servers that take mail for mailboxes, behind one interface: ours; Postfix with Dovecot behind it by LMTP, with Rspamd as its milter where the filter is asked
 * about; Postfix and Haraka that only queue, as the next host accepts connections and never greets. How each was set up stands in `about`.
 */
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freeBase, freePort } from '../../../test/harness/ports.js'
import type { FlushCounter } from '../../lib/flush.js'
import { Part } from '../../lib/part.js'
import { Posthouse } from '../../lib/posthouse.js'
import { CONTENT_FILTER } from '../../lib/scenario.js'
import type { SinkQuestions } from '../../lib/sink.js'
import { Dovecot, type DovecotStore, noDovecot } from '../dovecot.js'
import { ABOUT_HARAKA, installed, startHaraka } from '../haraka.js'
import { noPostfix, startPostfix } from '../postfix.js'
import { ABOUT_RSPAMD, noRspamd, startRspamd } from '../rspamd.js'

export const PASSWORD = 'bench-secret'
export const BOXES = 20
export const addressOf = (box: number): string => `user${box}@bench.test`
/** Takes anything, for those that only queue. */
export const FAR = 'far.test'

export interface MailServer {
  readonly name: string
  readonly about: string
  readonly smtp: number
  /** Left out: it has no mailboxes, and what it accepts stays in its queue. */
  readonly imap?: number
  /** Process groups of all that it consists of. */
  readonly groups: readonly number[]
  readonly flushes: readonly FlushCounter[]
}

export interface ServersWish {
  readonly folder: string
  readonly workers: number
  readonly filter: boolean
  readonly store: DovecotStore
  /** `fetch`, or a folder where it is installed. */
  readonly haraka?: string | undefined
  readonly only?: string | undefined
  readonly flushLibrary?: string | undefined
  readonly profile?: string | undefined
  readonly ends: (end: () => Promise<unknown>) => void
  readonly say: (text: string) => void
}

export async function startServers(wish: ServersWish): Promise<readonly MailServer[]> {
  const servers = [await ours(wish)]
  if (wish.only === 'posthouse') return servers
  const why = noPostfix() ?? noDovecot() ?? (wish.filter ? noRspamd() : undefined)
  if (why !== undefined) wish.say(`${why}\n`)
  else servers.push(await postfixAndDovecot(wish))
  // With the filter on it is the whole way that is asked about.
  if (wish.filter) return servers
  const next = await tarpit(wish)
  if (noPostfix() === undefined) servers.push(await queueing(wish, next))
  if (wish.haraka === undefined) wish.say('Haraka takes no part: --haraka fetch, or a folder where it is installed\n')
  else servers.push(await haraka(wish, wish.haraka, next))
  return servers
}

async function ours({ folder, workers, filter, flushLibrary, profile, ends }: ServersWish): Promise<MailServer> {
  const { ports, group, flushes } = await Posthouse.start({
    parent: folder,
    workers,
    users: Array.from({ length: BOXES }, (_, box) => [addressOf(box), PASSWORD] as const),
    without: filter ? [] : CONTENT_FILTER,
    plugins: { imap: { cleartext_auth: true } },
    flushLibrary,
    profileFolder: profile,
    spawned: one => ends(() => one.stop()),
  })
  const without = filter ? 'with its whole filter as shipped (untaught, no name service)' : 'without the content filter'
  return {
    name: 'Posthouse',
    about: `Posthouse: as \`posthouse init\` makes it, ${without}, ${workers} workers; 250 when the message is in the mailbox and flushed`,
    smtp: ports.mx,
    imap: ports.imap,
    groups: [group],
    flushes: flushes === undefined ? [] : [flushes],
  }
}

async function postfixAndDovecot(wish: ServersWish): Promise<MailServer> {
  const { folder, filter, store, workers, flushLibrary, ends } = wish
  const place = (name: string): string => {
    const path = join(folder, name)
    mkdirSync(path)
    // Their processes give root up.
    chmodSync(path, 0o755)
    return path
  }
  const dovecot = await Dovecot.start({
    folder: place('dovecot'),
    store,
    password: PASSWORD,
    flushLibrary,
    spawned: ends,
  })
  const milter = filter ? { port: await freePort() } : undefined
  const rspamd =
    milter && (await startRspamd({ folder: place('rspamd'), port: milter.port, processes: workers, spawned: ends }))
  const port = (await freeBase()) + 2
  const users = Array.from({ length: BOXES }, (_, box) => addressOf(box))
  const local = { domain: 'bench.test', users, lmtpPort: dovecot.ports.lmtp, milterPort: milter?.port }
  const postfix = await startPostfix({ folder: place('postfix'), port, local, flushLibrary, spawned: ends })
  const name = filter ? 'Postfix + Rspamd + Dovecot' : 'Postfix + Dovecot'
  return {
    name,
    about: `${name}: Postfix accepts, flushes, and hands over to Dovecot by LMTP (20 at once, its default) on the same machine; Dovecot's ${store}, mail_fsync = optimized (its default, mail is flushed); no pause between intake and delivery${filter ? `. ${ABOUT_RSPAMD}` : ''}`,
    smtp: port,
    imap: dovecot.ports.imap,
    groups: [postfix.group, dovecot.group, ...(rspamd === undefined ? [] : [rspamd.group])],
    flushes: [postfix.flushes, dovecot.flushes].filter(one => one !== undefined),
  }
}

/** A host that accepts connections and never greets: nothing leaves a queue. */
async function tarpit({ ends }: ServersWish): Promise<number> {
  const part = new Part<SinkQuestions>('sink')
  ends(() => part.end())
  const { ports } = await part.ask({ kind: 'open', tarpit: true, lanes: 1 })
  return ports[0]!
}

async function queueing({ folder, flushLibrary, ends }: ServersWish, next: number): Promise<MailServer> {
  const place = join(folder, 'postfix-queue')
  mkdirSync(place)
  chmodSync(place, 0o755)
  const port = (await freeBase()) + 2
  const postfix = await startPostfix({ folder: place, port, sinkPort: next, flushLibrary, spawned: ends })
  return {
    name: 'Postfix, queue',
    about: 'Postfix, queue: it accepts and flushes; the next host never greets, so nothing goes out meanwhile',
    smtp: port,
    groups: [postfix.group],
    flushes: postfix.flushes === undefined ? [] : [postfix.flushes],
  }
}

async function haraka(wish: ServersWish, from: string, next: number): Promise<MailServer> {
  const { folder, workers, flushLibrary, ends } = wish
  const place = join(folder, 'haraka')
  mkdirSync(place)
  const port = (await freeBase()) + 2
  const where = await installed(from, folder)
  const options = { folder: place, package: where, port, nextHost: next, workers, flushLibrary, spawned: ends }
  const server = await startHaraka(options)
  return {
    name: 'Haraka, queue',
    about: `${ABOUT_HARAKA}; the next host never greets`,
    smtp: port,
    groups: [server.group],
    flushes: server.flushes === undefined ? [] : [server.flushes],
  }
}
