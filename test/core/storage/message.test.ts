import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Message } from '../../../core/api/index.js'
import { createMessage } from '../../../core/storage/message.js'
import { readableText } from '../../../core/storage/readable.js'
import { ReadingThread } from '../../../core/storage/reading-thread.js'
import { scanHeader } from '../../../core/text/index.js'
import { sharedDir } from '../../harness/shared.js'

function messageOf(bytes: Buffer): Message & { reads: number } {
  const { bodyStart } = scanHeader(bytes)
  const counted = {
    size: bytes.length,
    header: bytes.subarray(0, bodyStart),
    read: async (from: number, to: number) => {
      message.reads += 1
      return bytes.subarray(from, to)
    },
  }
  const message = Object.assign(createMessage(counted), { reads: 0 })
  return message
}

const ALTERNATIVE = [
  'From: a@example.org',
  'Subject: =?utf-8?b?w6Rw?= =?utf-8?q?fel?=',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=m',
  '',
  '--m',
  'Content-Type: multipart/alternative; boundary=a',
  '',
  '--a',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'plain =E4',
  '--a',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<p>rich <a href="http://example.org/x">here</a><script>no()</script>',
  '--a--',
  '--m',
  'Content-Type: application/pdf',
  'Content-Disposition: attachment; filename="bill.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '--m--',
  '',
].join('\r\n')

test('text, links and attachments of a message are what a reader would see', async () => {
  const text = await messageOf(Buffer.from(ALTERNATIVE)).text()
  assert.equal(text.subject, 'äpfel')
  assert.equal(text.body.replace(/\n+/g, '|'), 'plain ä|rich here')
  assert.deepEqual(text.links, [{ href: 'http://example.org/x', text: 'here' }])
  assert.deepEqual(text.attachments, [{ name: 'bill.pdf', type: 'application/pdf', size: 3 }])
  assert.deepEqual(text.broken, [])
})

test('the text is made once, however often it is asked for', async () => {
  const message = messageOf(Buffer.from(ALTERNATIVE))
  const [first, second] = await Promise.all([message.text(), message.text()])
  assert.equal(first, second)
  assert.equal(message.reads, 1)
})

/** The same reading, without the seconds it has in a server: a busy machine would use them up. */
async function patientlyRead(text: string) {
  const bytes = Buffer.from(text)
  const thread = new ReadingThread({ giveUpAfterMs: 300_000 })
  try {
    return await readableText({ size: bytes.length, read: async (from, to) => bytes.subarray(from, to) }, thread)
  } finally {
    await thread.end()
  }
}

test('of too many parts the first are read, and it is said', async () => {
  const parts = '--b\r\n\r\nbuy pills\r\n'.repeat(25_000)
  const text = await patientlyRead(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts}--b--\r\n`)
  assert.match(text.broken.join(), /more than 20000 parts/)
  assert.match(text.body, /buy pills/)
})

test('of a huge text both ends are read', async () => {
  const text = await patientlyRead(`Subject: big\r\n\r\n${'lorem ipsum\r\n'.repeat(200_000)}the end`)
  assert.ok(text.body.length > 900_000)
  assert.match(text.body, /the end$/)
  assert.match(text.broken.join(), /both ends/)
})

for (const [name, bytes] of [
  ['nothing at all', ''],
  ['no header', '\r\nbody'],
  ['octets that are no text', '\xff\xfe\x00\x01\r\n\r\n\x80\x81'],
  ['a header without end', 'Subject: x'],
] as const) {
  test(`a message of ${name} has a text`, async () => {
    const text = await messageOf(Buffer.from(bytes, 'latin1')).text()
    assert.equal(typeof text.body, 'string')
  })
}

const shared = sharedDir()
test('every message of the sample has a text', {
  skip: shared === undefined && 'no shared material here',
}, async () => {
  const folder = join(shared!, 'data', 'mail-sample')
  let empty = 0
  for (const file of readdirSync(folder)) {
    const text = await messageOf(readFileSync(join(folder, file))).text()
    if (text.body.trim() === '') empty += 1
  }
  assert.ok(empty < 20, `${empty} messages without text`)
})
