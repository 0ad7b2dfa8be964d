/** Where SEARCH looks: what a mail client's user expects to find by BODY and TEXT; and LIST in all spellings of INBOX. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Client, type Rig, startRig } from './rig.js'

let rig: Rig
let ann: Client

const REPORT = `${[
  'From: MAILER-DAEMON@example.test',
  'Subject: returned',
  'MIME-Version: 1.0',
  'Content-Type: multipart/report; boundary=x',
  '',
  '--x',
  '',
  'it failed',
  '--x',
  'Content-Type: message/delivery-status',
  '',
  'Reporting-MTA: dns; mx.example.test',
  'Diagnostic-Code: smtp; 550 unknown mailbox',
  '--x',
  'Content-Type: application/pdf; name="invoice.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '--x--',
].join('\r\n')}\r\n`

before(async () => {
  rig = await startRig()
  ann = await rig.client('ann')
  await ann.append('INBOX', REPORT)
  await ann.ok('SELECT INBOX')
})
after(() => rig.end())

for (const [keys, found] of [
  ['BODY "it failed"', true],
  ['BODY "unknown mailbox"', true],
  ['TEXT "reporting-mta: dns; MX"', true],
  ['TEXT "invoice.pdf"', true],
  ['BODY "invoice.pdf"', false],
  ['TEXT returned', true],
  ['BODY returned', false],
] as const) {
  test(`SEARCH ${keys} ${found ? 'finds' : 'does not find'} a report with an attached file`, async () => {
    assert.deepEqual(await ann.ok(`SEARCH ${keys}`), [`* SEARCH${found ? ' 1' : ''}`])
  })
}

test('SEARCH BODY looks into a multipart whose boundary never comes', async () => {
  await ann.append('Archive', 'Content-Type: multipart/mixed; boundary=never\r\n\r\nfind me\r\n')
  const other = await rig.client('ann')
  await other.ok('SELECT Archive')
  assert.deepEqual(await other.ok('SEARCH BODY "find me"'), ['* SEARCH 1'])
})
