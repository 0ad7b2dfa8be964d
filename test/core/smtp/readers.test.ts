/** Readers of command arguments: what they accept is well-formed, and no text makes them do anything but read or refuse. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SmtpReply } from '../../../core/api/index.js'
import { readAttributes } from '../../../core/smtp/commands/attributes.js'
import { readAuth, readResponse } from '../../../core/smtp/commands/auth.js'
import { isReply } from '../../../core/smtp/commands/command.js'
import { readHelo } from '../../../core/smtp/commands/helo.js'
import { readMail, submitter } from '../../../core/smtp/commands/mail.js'
import { readRcpt } from '../../../core/smtp/commands/rcpt.js'
import { readVrfy } from '../../../core/smtp/commands/vrfy.js'
import { readXclient } from '../../../core/smtp/commands/xclient.js'
import type { Offers } from '../../../core/smtp/parameters.js'
import { formatAddress, ReadError } from '../../../core/text/index.js'
import { aSession } from '../../harness/session.js'

/** More of them by `npm run fuzz`. */
const FUZZ_RUNS = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 0)

const BOUNDS = {
  maxMessageBytes: 1000,
  now: Date.UTC(2026, 0, 1),
  maxHoldMs: 86_400_000,
  leastByMs: 60_000,
  maxPriority: 4,
}
const all: Offers = { has: () => true, ...BOUNDS }
const none: Offers = { has: () => false, ...BOUNDS }

/** Text that is nearly a command: pieces that matter, put together anyhow. */
const nearly = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'FROM:',
        'TO:',
        '<',
        '>',
        '@',
        'a',
        '"',
        '\\',
        ' ',
        '=',
        '+',
        '+2B',
        ';',
        'SIZE',
        'BODY',
        'NOTIFY',
        'BY=',
        '60;R',
        'HOLDFOR=5',
        'HOLDUNTIL=2026-01-01T01:00:00Z',
        'MT-PRIORITY=-9',
        'REQUIRETLS',
      ),
      fc.constantFrom(
        'ORCPT=rfc822;',
        'example.test',
        '[192.0.2.1]',
        '[IPv6:::1]',
        'é',
        '.',
        ',',
        ':',
        '\t',
        '\0',
        'PLAIN',
      ),
      fc.string({ unit: 'binary', maxLength: 6 }),
    ),
    { maxLength: 20 },
  )
  .map(parts => parts.join(''))

function readsOrRefuses<A extends object>(read: (text: string) => A | SmtpReply, check?: (args: A) => void) {
  return fc.property(nearly, text => {
    try {
      const read1 = read(text)
      if (isReply(read1)) assert.ok(read1.code >= 500 && read1.code < 600)
      else check?.(read1 as A)
    } catch (error) {
      assert.ok(error instanceof ReadError, String(error))
      assert.ok(error.column >= 1 && error.column <= text.length + 1)
    }
  })
}

test('MAIL reads or refuses, and what it reads can be written and read again', () => {
  const again = readsOrRefuses(
    text => readMail(text, all),
    ({ sender }) => {
      const back = readMail(`FROM:<${formatAddress(sender)}> SMTPUTF8`, all)
      assert.ok(!isReply(back))
      assert.deepEqual(back.sender, sender)
    },
  )
  fc.assert(again, { numRuns: Math.max(3000, FUZZ_RUNS) })
})

for (const [name, read] of [
  ['RCPT', (text: string) => readRcpt(text, all)],
  ['RCPT without extensions', (text: string) => readRcpt(text, none)],
  ['HELO', readHelo],
  ['AUTH', readAuth],
  ['VRFY', readVrfy],
  ['XCLIENT', readXclient],
  ['XFORWARD', (text: string) => readAttributes(text, ['NAME', 'ADDR', 'HELO'])],
  ['MAIL without extensions', (text: string) => readMail(text, none)],
] as const) {
  test(`${name} reads or refuses any text`, () => {
    fc.assert(readsOrRefuses<object>(read), { numRuns: Math.max(2000, FUZZ_RUNS) })
  })
}

test('responses of AUTH are read or refused whatever octets they hold', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), octets => {
      const decoded = readResponse(Buffer.from(octets))
      if (!Buffer.isBuffer(decoded)) assert.equal(decoded.code, 501)
    }),
  )
})

for (const [argument, code] of [
  ['FROM:<a@b.test> SIZE=1001', 552],
  ['FROM:<a@b.test> SIZE=123456789012345678901', 501],
  ['FROM:<a@b.test> BODY=8BITMIME SMTPUTF8 RET=full ENVID=x AUTH=a+40b', undefined],
  ['FROM:<a@b.test> AUTH=', 501],
  ['FROM:<a@b.test> =x', 501],
  ['FROM:<a@b.test> DELIVERBY=1', 555],
  ['FROM:<é@b.test>', 550],
  ['FROM:<é@b.test> SMTPUTF8', undefined],
] as const) {
  test(`MAIL ${argument} is ${code ?? 'read'}`, () => {
    let got: number | undefined
    try {
      const read = readMail(argument, all)
      got = isReply(read) ? read.code : undefined
    } catch (error) {
      assert.ok(error instanceof ReadError)
      got = 501
    }
    assert.equal(got, code)
  })
}

test('parameters of a switched-off extension are unknown', () => {
  for (const parameter of ['SIZE=1', 'BODY=8BITMIME', 'SMTPUTF8', 'AUTH=<>']) {
    const read = readMail(`FROM:<a@b.test> ${parameter}`, none)
    assert.equal(isReply(read) && read.code, 555, parameter)
  }
})

test('DSN wishes are kept as they were sent', () => {
  const read = readRcpt('TO:<a@b.test> NOTIFY=success,DELAY ORCPT=rfc822;a+2Bb@b.test', all)
  assert.ok(!isReply(read))
  assert.deepEqual(read.dsn, { notify: ['success', 'delay'], orcpt: 'rfc822;a+2Bb@b.test' })
})

const ACCOUNT = { id: 'a1', login: 'alice', addresses: ['alice@example.test'] }
for (const [value, who, believed] of [
  [undefined, { account: ACCOUNT }, null],
  ['<>', { account: ACCOUNT }, null],
  ['alice@example.test', { account: ACCOUNT }, 'alice@example.test'],
  ['ALICE+40example.test', { account: ACCOUNT }, 'ALICE@example.test'],
  ['alice+40example.test', { account: ACCOUNT }, 'alice@example.test'],
  ['bob@example.test', { account: ACCOUNT }, null],
  ['bob@example.test', {}, null],
  ['bob@example.test', { trusted: true }, 'bob@example.test'],
  ['no+20address', { trusted: true }, null],
] as const) {
  test(`AUTH=${value ?? '(none)'} of ${JSON.stringify(who)} is ${believed ?? 'not believed'}`, () => {
    const address = submitter(aSession(who), value)
    assert.equal(address === null ? null : formatAddress(address), believed)
  })
}
