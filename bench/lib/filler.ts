/**
 * Fills the data of a server that does not run: accounts with mailboxes, and recipients that wait in the queue. By the store itself and by a copy of one account
 * that is there, as a thousand passwords would take a minute to hash. A process of its own (see part.ts).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLmdbStore, type LmdbStore } from '../../plugins/store-lmdb/store.js'
import { servePart } from './part.js'

export interface FillerOrder {
  /** Of the server's data. */
  readonly folder: string
  /** As many accounts as this, those that are there included, each with an INBOX and a message in it. */
  readonly mailboxes: number
  readonly recipients: number
}

export interface FillerQuestions {
  readonly ask: FillerOrder
  readonly answer: { readonly octets: number }
}

interface Accounts {
  readonly accounts: { readonly id: string; readonly login: string; readonly addresses: readonly string[] }[]
}

const AT_ONCE = 500
const ROWS_EACH = 10
const DOMAINS = 5000
const DAY_MS = 86_400_000
const BODY = Buffer.from(`Subject: bench\r\n\r\n${'x'.repeat(1000)}\r\n`)

servePart<FillerQuestions>(async ({ folder, mailboxes, recipients }) => {
  const ids = accounts(join(folder, 'accounts.json'), mailboxes)
  const store = createLmdbStore({ path: join(folder, 'mail.lmdb') })
  for (let at = 0; at < ids.length; at += AT_ONCE)
    await Promise.all(ids.slice(at, at + AT_ONCE).map(id => mailbox(store, id)))
  const messages = Math.floor(recipients / ROWS_EACH)
  for (let at = 0; at < messages; at += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, messages - at) }, (_, n) => queue(store, at + n)))
  await store.close()
  return { octets: BODY.length }
})

function accounts(path: string, count: number): readonly string[] {
  const file = JSON.parse(readFileSync(path, 'utf8')) as Accounts
  const [first] = file.accounts
  if (first === undefined) throw new Error('there is no account to copy')
  for (let n = file.accounts.length; n < count; n++) {
    const login = `filled${n}@bench.test`
    file.accounts.push({ ...first, id: `filled${String(n).padStart(8, '0')}`, login, addresses: [login] })
  }
  writeFileSync(path, JSON.stringify(file))
  return file.accounts.map(({ id }) => id)
}

async function mailbox(store: LmdbStore, account: string): Promise<void> {
  const there = await store.mail.find(account, 'INBOX')
  if (there === undefined) await store.mail.create(account, 'INBOX')
  const info = there ?? (await store.mail.find(account, 'INBOX'))
  const box = await store.mail.open(account, info!.id)
  await box.append([{ body: { kind: 'memory', bytes: BODY }, flags: [], date: Date.now() }])
}

async function queue(store: LmdbStore, message: number): Promise<void> {
  const now = Date.now()
  await store.accept({
    message: {
      id: `m${String(message).padStart(8, '0')}`,
      body: { kind: 'memory', bytes: BODY },
      received: now - (message % 7200) * 60_000,
      cuts: [],
      sender: { local: 'sender', domain: 'bench.test' },
      utf8: false,
      bodyType: '8BITMIME',
      origin: { helo: 'bench.test' },
    },
    rows: Array.from({ length: ROWS_EACH }, (_, row) => {
      const domain = `d${(message * 7919 + row * 4999) % DOMAINS}.test`
      const to = { local: `user${row}`, domain }
      const place = { target: 'mx', lane: domain, detail: {}, prefix: '' }
      const common = { row, to, original: to, dsn: { notify: [] }, priority: 0 }
      return { ...common, ...place, due: now + DAY_MS, expires: now + 5 * DAY_MS }
    }),
    filings: [],
    trail: [],
  })
}
