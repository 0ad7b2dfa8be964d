/** The contract of what a message is: prefix + body − cuts, wherever it is read or counted. */
import assert from 'node:assert/strict'
import type { Cut } from '../../core/api/index.js'
import {
  acceptance,
  contract,
  filing,
  memory,
  message,
  only,
  openByName,
  SENDER,
  type StoreBackend,
} from './backend.js'

const BODY = 'A: 1\r\nBcc: x\r\nB: 2\r\nX-Spam: y\r\n\r\nüñí body'
const BYTES = Buffer.from(BODY)
const CUTS: readonly Cut[] = [
  [6, 14],
  [20, 31],
]
const PREFIX = 'Received: ü\r\nX: 1\r\n'
const SUM = Buffer.concat([Buffer.from(PREFIX), BYTES.subarray(0, 6), BYTES.subarray(14, 20), BYTES.subarray(31)])

export function sumContract(backend: StoreBackend): void {
  contract(backend, 'every range of prefix + body − cuts is read exactly', async ({ store }) => {
    const one = acceptance('q1', { message: message('q1', { body: memory(BODY), cuts: CUTS, sender: SENDER }) })
    await store.accept({ ...one, filings: [filing('ann', 'INBOX', { prefix: PREFIX })] })
    const inbox = await openByName(store, 'ann')
    const found = await only(inbox)
    assert.equal(found.size, SUM.length)
    assert.equal(found.bodySize, BYTES.length)
    assert.deepEqual(found.cuts, CUTS)
    assert.ok((await inbox.read(found)).equals(SUM))
    for (let from = 0; from <= SUM.length + 1; from += 3) {
      for (let to = from; to <= SUM.length + 3; to += 5) {
        assert.ok((await inbox.read(found, from, to)).equals(SUM.subarray(from, to)), `${from}-${to}`)
      }
    }
  })

  contract(backend, 'usage and mailbox counts are of the sum, not of the stored body', async ({ store }) => {
    const one = acceptance('q1', { message: message('q1', { body: memory(BODY), cuts: CUTS }) })
    await store.accept({ ...one, filings: [filing('ann', 'INBOX', { prefix: PREFIX }), filing('ann', 'Other')] })
    const bytes = SUM.length + SUM.length - Buffer.byteLength(PREFIX)
    assert.deepEqual(await store.mail.usage('ann'), { bytes, messages: 2 })
    assert.equal((await store.mail.find('ann', 'INBOX'))!.bytes, SUM.length)
  })
}
