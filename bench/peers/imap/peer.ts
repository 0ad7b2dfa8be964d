/**
 * The servers that are compared, behind one interface: ours, another clone of ours, and Dovecot with each of its stores. How each was set up stands in
 * `about`; who reads it shall find it fair.
 */
import { execFile } from 'node:child_process'
import { chmodSync, createWriteStream, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FlushCounter } from '../../lib/flush.js'
import { Posthouse } from '../../lib/posthouse.js'
import { LIB } from '../../lib/root.js'
import { CONTENT_FILTER } from '../../lib/scenario.js'
import { Dovecot, type DovecotStore } from '../dovecot.js'
import { Mails } from './mails.js'

export const PASSWORD = 'bench-secret'
/** `user0`, `user1`, …; those of the mix have others, as their mailboxes stay small; `reader` has the large mailbox. */
export const USERS = 20
export const MIXERS = 5
export const READER = 'reader'
export const LARGE = 'Large'
const BATCH = 500
const CRLF = Buffer.from('\r\n')

/** What to log in with, and where mail goes. */
export const addressOf = (user: string): string => `${user}@bench.test`

export interface ImapPeer {
  readonly name: string
  readonly about: string
  readonly ports: { readonly imap: number; readonly lmtp: number }
  readonly group: number
  readonly flushes: FlushCounter | undefined
  /** The mailbox `Large` of `reader`, with so many messages that nobody has looked at. */
  fill(messages: number): Promise<void>
}

export interface PeersWish {
  readonly folder: string
  readonly workers: number
  readonly stores: readonly DovecotStore[]
  readonly ours: boolean
  /** Another clone of ours, built. */
  readonly before?: string | undefined
  readonly profile?: string | undefined
  readonly flushLibrary?: string | undefined
  /** Called with whatever has to be ended. */
  readonly ends: (end: () => Promise<unknown>) => void
}

export async function startPeers(wish: PeersWish): Promise<readonly ImapPeer[]> {
  const peers: ImapPeer[] = []
  if (wish.ours) peers.push(await startOurs('Posthouse', undefined, wish))
  if (wish.before !== undefined) peers.push(await startOurs('before', resolve(wish.before), wish))
  for (const store of wish.stores) peers.push(await startDovecot(store, wish))
  return peers
}

async function startOurs(name: string, root: string | undefined, wish: PeersWish): Promise<ImapPeer> {
  const names = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}${n}`)
  const users = [READER, ...names('user', USERS), ...names('mixer', MIXERS)]
  const posthouse = await Posthouse.start({
    parent: wish.folder,
    workers: wish.workers,
    users: users.map(user => [addressOf(user), PASSWORD] as const),
    without: CONTENT_FILTER,
    server: {
      limits: { connections: 20_000, connections_total: 40_000, connections_per_network: 40_000 },
      log: { level: 'info' },
    },
    plugins: { imap: { cleartext_auth: true } },
    flushLibrary: wish.flushLibrary,
    ...(root !== undefined && { root }),
    profileFolder: wish.profile,
    spawned: one => wish.ends(() => one.stop()),
  })
  return {
    name,
    about: `${name}: as \`posthouse init\` makes it, ${wish.workers} workers, without the content filter (origin, look-alikes, reputation, learning and the spam plugins), logging in without TLS, no limit of connections; every change is on disk before its OK`,
    ports: posthouse.ports,
    group: posthouse.group,
    flushes: posthouse.flushes,
    fill: messages => fillOurs(posthouse.dataFolder, addressOf(READER), messages),
  }
}

async function startDovecot(store: DovecotStore, wish: PeersWish): Promise<ImapPeer> {
  const folder = join(wish.folder, `dovecot-${store}`)
  mkdirSync(folder)
  chmodSync(folder, 0o755)
  const { flushLibrary, ends } = wish
  const dovecot = await Dovecot.start({ folder, store, password: PASSWORD, flushLibrary, spawned: ends })
  return {
    name: `Dovecot ${store}`,
    about: `Dovecot ${store}: Debian's${store === 'mbox' ? ' and its default store' : ''}, mail_fsync = optimized (its default: mail is flushed, changed flags are not), processes kept and used again, no limits of connections, passwords compared as they are`,
    ports: dovecot.ports,
    group: dovecot.group,
    flushes: dovecot.flushes,
    fill: messages => fillDovecot(dovecot, wish.folder, messages),
  }
}

/** By the store, as the server's own commands open it: a program of its own. */
function fillOurs(dataFolder: string, login: string, messages: number): Promise<void> {
  const { accounts } = JSON.parse(readFileSync(join(dataFolder, 'data/accounts.json'), 'utf8')) as {
    readonly accounts: readonly { readonly id: string; readonly login: string }[]
  }
  const { id } = accounts.find(one => one.login === login)!
  const path = join(dataFolder, 'data/mail.lmdb')
  return run(process.execPath, [join(LIB, '../peers/imap/fill.js'), path, id, LARGE, String(messages)])
}

/** By its own `doveadm import`, from one mbox that is made for all of them. */
async function fillDovecot(dovecot: Dovecot, folder: string, messages: number): Promise<void> {
  const source = join(folder, `mbox-${messages}`)
  if (!existsSync(source)) {
    mkdirSync(source)
    // Dovecot keeps indexes beside it, as nobody.
    chmodSync(source, 0o777)
    await pipeline(Readable.from(mboxOf(messages)), createWriteStream(join(source, LARGE), { mode: 0o666 }))
  }
  await dovecot.import(addressOf(READER), source)
}

function* mboxOf(messages: number): Generator<Buffer> {
  const mails = new Mails()
  for (let first = 0; first < messages; first += BATCH) {
    const parts = Array.from({ length: Math.min(BATCH, messages - first) }, (_, at) => {
      const { bytes, date } = mails.mail(first + at)
      const [day, dayOfMonth, month, year, time] = new Date(date).toUTCString().replace(',', '').split(' ')
      return [Buffer.from(`From sender@people.test ${day} ${month} ${dayOfMonth} ${time} ${year}\r\n`), bytes, CRLF]
    })
    yield Buffer.concat(parts.flat())
  }
}

export function appendOf(
  mailbox: string,
  mails: readonly { readonly bytes: Buffer; readonly date?: number }[],
): Buffer {
  const parts = mails.flatMap(({ bytes, date }) => [
    Buffer.from(`${date === undefined ? '' : ` "${internalDate(date)}"`} {${bytes.length}+}\r\n`),
    bytes,
  ])
  return Buffer.concat([Buffer.from(`APPEND ${mailbox}`), ...parts])
}

/** RFC 3501 §9 date-time */
function internalDate(date: number): string {
  const [, day, month, year, time] = new Date(date).toUTCString().split(' ')
  return `${day}-${month}-${year} ${time} +0000`
}

function run(name: string, args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    execFile(name, args, { timeout: 600_000 }, (error, _out, said) => {
      if (error === null) done()
      else fail(new Error(`${args[0]}: ${said.slice(-500).trim() || error.message}`))
    })
  })
}
