/** The mail that IMAP is measured on, and the table beside Dovecot. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Mails, rareWord } from '../../bench/peers/imap/mails.js'
import { appendOf } from '../../bench/peers/imap/peer.js'
import { SCENARIOS } from '../../bench/peers/imap/scenarios.js'
import { linesOf, type Turn } from '../../bench/peers/imap/table.js'

const text = (n: number): string => new Mails().mail(n).bytes.toString('latin1')
const field = (n: number, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)`, 'm').exec(text(n))?.[1]?.trim()

test('the message with a number is the same every time, and has a word of its own', () => {
  assert.equal(text(1234), text(1234))
  assert.notEqual(text(1234), text(1235))
  assert.ok(text(1234).includes(rareWord(1234)) && !text(1235).includes(rareWord(1234)))
})

test('an answer names the message before it in its thread, and has its subject', () => {
  const [first, answer] = [7, 7 + 40]
  assert.equal(field(first, 'In-Reply-To'), undefined)
  assert.equal(field(answer, 'In-Reply-To'), field(first, 'Message-ID'))
  assert.equal(field(answer, 'Subject'), `Re: ${field(first, 'Subject')}`)
})

test('lines end with CRLF and none is longer than mail may have', () => {
  for (let n = 0; n < 70; n++) {
    const lines = text(n).split('\r\n')
    assert.ok(!lines.some(line => /[\r\n]/.test(line) || line.length > 998))
  }
})

test('several messages of one APPEND have their dates and sizes', () => {
  const date = Date.UTC(2024, 1, 3, 4, 5, 6)
  const command = appendOf('INBOX', [{ bytes: Buffer.from('ab'), date }, { bytes: Buffer.from('c') }])
  assert.equal(command.toString(), 'APPEND INBOX "03-Feb-2024 04:05:06 +0000" {2+}\r\nab {1+}\r\nc')
})

test('a line of another server says what ours is of it, by medians', () => {
  const turn = (perSecond: number, cpu: number): Turn => ({ perSecond, cpu, count: 1, errors: [] })
  const turns = new Map([
    ['Posthouse', [turn(100, 1), turn(300, 2), turn(200, 3)]],
    ['Dovecot', [turn(50, 4), turn(50, 4), turn(60, 4)]],
  ])
  const [ours, theirs] = linesOf({ scenario: 's', case: 'c', unit: 'commands', turns }).split('\n')
  assert.match(ours!, /200 commands +\| \(100–300\)/)
  assert.match(theirs!, /\| 4\.00 +\| 0\.50 +\|\s*$/)
})

test('what is only listed makes no mail', t => {
  const made = t.mock.method(Mails.prototype, 'mail')
  for (const { cases } of SCENARIOS) cases({ seconds: 1, sessions: [1, 20], sizes: [4096], messages: 1000, idle: 1 })
  assert.equal(made.mock.callCount(), 0)
})
