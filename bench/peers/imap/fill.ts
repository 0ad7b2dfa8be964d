/** A program: fills a mailbox of a Posthouse store that a server may have open. `fill.js STORE ACCOUNT MAILBOX MESSAGES`. */
import { createLmdbStore } from '../../../plugins/store-lmdb/store.js'
import { Mails } from './mails.js'

const BATCH = 1000

const [path, account, name, count] = process.argv.slice(2) as [string, string, string, string]
const store = createLmdbStore({ path })
await store.mail.create(account, name)
const info = await store.mail.find(account, name)
const mailbox = await store.mail.open(account, info!.id)
const mails = new Mails()
const messages = Number(count)
for (let first = 0; first < messages; first += BATCH) {
  const batch = Array.from({ length: Math.min(BATCH, messages - first) }, (_, at) => mails.mail(first + at))
  await mailbox.append(batch.map(({ bytes, date }) => ({ body: { kind: 'memory' as const, bytes }, flags: [], date })))
}
await store.close()
