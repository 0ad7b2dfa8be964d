import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type Address, ConfigError, type NewField, type Removal } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession } from '../../../core/testing/index.js'
import submission from '../../../plugins/submission/index.js'
import { aCall, aContext, address } from '../../harness/context.js'
import { aServer } from '../../harness/session.js'

const NOW = Date.UTC(2026, 10, 21, 15, 0, 0)
const ALICE = { id: 'aalice', login: 'Alice@example.test', addresses: ['alice@example.test', 'chef@bücher.test'] }
const DEFAULTS = {
  sender: 'own',
  from: 'own',
  null_sender: 'allow',
  may_send_as: 'send-as.yaml',
  aliases: 'aliases.yaml',
  separator: '+',
  fix: true,
} as const
const ALIASES = `
sales@example.test: [alice, bob]
team: sales@example.test
loop: loop2
loop2: [loop, bob]
'@example.test': alice
`
const SEND_AS = `
alice@example.test: [office@far.test, '@branch.test']
news@example.test: any
`

const folders: string[] = []
after(() => folders.forEach(folder => void rmSync(folder, { recursive: true, force: true })))

async function install(more: object = {}, files: Readonly<Record<string, string>> = {}) {
  const configDir = mkdtempSync(join(tmpdir(), 'submission-'))
  folders.push(configDir)
  for (const [name, text] of Object.entries({ 'aliases.yaml': ALIASES, 'send-as.yaml': SEND_AS, ...files }))
    writeFileSync(join(configDir, name), text)
  const server = aServer({ configDir, domains: new Set(['example.test', 'bücher.test']) })
  const { hooks } = await submission.setup(aContext({ ...DEFAULTS, ...more }, { server, clock: { now: () => NOW } }))
  const ask = (sender: Address | null, text: string, account: typeof ALICE | null) => ({
    session: aSession(account === null ? {} : { account }),
    envelope: anEnvelope({ id: 'tx.1', sender }),
    message: aMessage(text),
    verdict: { findings: [], sum: 0 },
    recipient: { address: address('x@far.test'), dsn: { notify: [] } },
  })
  const said = (answer: unknown) => {
    const { code, status, because } = (answer ?? {}) as { code?: number; status?: string; because?: { rule: string } }
    return code === undefined ? 'taken' : `${code} ${status} ${because?.rule}`
  }
  return {
    hooks: hooks!,
    mail: async (sender: string | null, account: typeof ALICE | null = ALICE) =>
      said(await hooks!.mail!(ask(sender === null ? null : address(sender), '', account), aCall())),
    message: async (header: string, account: typeof ALICE | null = ALICE) =>
      said(await hooks!.message!(ask(address('alice@example.test'), `${header}\n\ntext\n`, account), aCall())),
    fields: async (header: string, sender: Address | null = address('alice@example.test')) =>
      shown(
        (await hooks!.headers!(ask(sender, `${header}\n\ntext\n`, ALICE), aCall())) as readonly (NewField | Removal)[],
      ),
  }
}

function shown(fields: readonly (NewField | Removal)[]): readonly string[] {
  return fields.map(field => ('kind' in field ? `-${field.name}` : `+${field.name}: ${field.value}`))
}

describe('MAIL FROM', () => {
  for (const [sender, expected] of [
    ['alice@example.test', 'taken'],
    ['ALICE@example.test', 'taken'],
    ['alice+tag@example.test', 'taken'],
    ['chef@xn--bcher-kva.test', 'taken'],
    ['sales@example.test', 'taken'],
    ['team@example.test', 'taken'],
    ['sales@bücher.test', '553 5.7.1 sender-not-owned'],
    ['office@far.test', 'taken'],
    ['anybody@branch.test', 'taken'],
    [null, 'taken'],
    ['bob@example.test', '553 5.7.1 sender-not-owned'],
    ['loop@example.test', '553 5.7.1 sender-not-owned'],
    ['nobody@example.test', '553 5.7.1 sender-not-owned'],
    ['other@far.test', '553 5.7.1 sender-not-owned'],
    ['x@sub.branch.test', '553 5.7.1 sender-not-owned'],
    ['alice@evil.test', '553 5.7.1 sender-not-owned'],
  ] as const) {
    test(`of alice as <${sender ?? ''}>: ${expected}`, async () => {
      const { mail } = await install()
      assert.equal(await mail(sender), expected)
    })
  }

  test('is free for who may send as any, and where the rule is off; strangers are not asked', async () => {
    const { mail } = await install()
    assert.equal(await mail('x@far.test', { id: 'n', login: 'news@example.test', addresses: [] }), 'taken')
    assert.equal(await mail('bob@example.test', null), 'taken')
    assert.equal(await (await install({ sender: 'any' })).mail('bob@example.test'), 'taken')
    assert.equal(await (await install({ null_sender: 'refuse' })).mail(null), '550 5.7.1 null-sender')
    assert.equal(await (await install({ separator: '' })).mail('alice+tag@example.test'), '553 5.7.1 sender-not-owned')
    assert.equal(await (await install({ aliases: '' })).mail('sales@example.test'), '553 5.7.1 sender-not-owned')
  })

  test('is answered with the address, and the log with the line that allows it', async () => {
    const { hooks } = await install()
    const session = aSession({ account: ALICE })
    const answer = await hooks.mail!({ session, envelope: anEnvelope({ sender: address('bob@far.test') }) }, aCall())
    assert.ok(answer && answer.kind === 'reject')
    assert.match(answer.text, /<bob@far\.test>/)
    assert.equal(answer.because?.exception, 'send-as.yaml: Alice@example.test: [bob@far.test]')
  })
})

describe('From', () => {
  for (const [header, expected] of [
    ['From: alice@example.test', 'taken'],
    ['From: "Boss" <Alice@Example.Test>', 'taken'],
    ['From: Team: alice@example.test, sales@example.test;', 'taken'],
    ['From: =?utf-8?q?boss=40far.test?= <alice@example.test>', 'taken'],
    ['From: boss@far.test', '550 5.7.1 from-not-owned'],
    ['From: alice@example.test, boss@far.test', '550 5.7.1 from-not-owned'],
    ['From: "alice@example.test" <boss@far.test>', '550 5.7.1 from-not-owned'],
    ['From: =?utf-8?q?alice=40example.test?= <boss@far.test>', '550 5.7.1 from-not-owned'],
    ['From: alice@example.test\nFrom: boss@far.test', '554 5.6.0 from-wrong'],
    ['from: alice@example.test\nFROM : boss@far.test', '554 5.6.0 from-wrong'],
    ['From: nobody in particular', '554 5.6.0 from-wrong'],
    ['From: undisclosed:;', '554 5.6.0 from-wrong'],
    ['Subject: without', 'taken'],
    [`From: ${Array.from({ length: 101 }, () => 'alice@example.test').join(', ')}`, '554 5.6.0 from-wrong'],
  ] as const) {
    test(`as ${JSON.stringify(header.slice(0, 80))}: ${expected}`, async () => {
      const { message } = await install()
      assert.equal(await message(header), expected)
    })
  }

  test('is free where the rule is off, and for strangers', async () => {
    assert.equal(await (await install({ from: 'any' })).message('From: boss@far.test'), 'taken')
    assert.equal(await (await install()).message('From: boss@far.test', null), 'taken')
  })
})

const GOOD = 'From: alice@example.test\nDate: Sat, 21 Nov 2026 10:00:00 +0100\nMessage-ID: <a@b.test>'

describe('fields', () => {
  for (const [what, header, expected] of [
    ['of a whole message are left alone', GOOD, []],
    [
      'that are missing are added',
      'From: alice@example.test',
      ['+Date: Sat, 21 Nov 2026 15:00:00 +0000', '+Message-ID: <tx.1@mail.example.test>'],
    ],
    ['of a script say from whom they are', GOOD.replace(/^From.*\n/, ''), ['+From: alice@example.test']],
    [
      'that say nothing are replaced',
      'From: alice@example.test\nDate: soon\nMessage-ID: none',
      ['-Date', '+Date: Sat, 21 Nov 2026 15:00:00 +0000', '-Message-ID', '+Message-ID: <tx.1@mail.example.test>'],
    ],
    [
      'for us alone are removed',
      `Return-Path: <x@y.test>\nBcc: carol@far.test\nBCC: dave@far.test\nResent-Bcc: x@far.test\n${GOOD}`,
      ['-bcc', '-resent-bcc', '-return-path'],
    ],
    ['name a true sender', `Sender: sales@example.test\n${GOOD}`, []],
    ['do not name a false sender', `Sender: boss@far.test\n${GOOD}`, ['-sender']],
    [
      'name one sender of several authors',
      GOOD.replace('From: ', 'From: sales@example.test, '),
      ['+Sender: alice@example.test'],
    ],
    [
      'name the sender where From may be anybody',
      `Sender: boss@far.test\n${GOOD.replace('alice@', 'bob@')}`,
      ['-sender', '+Sender: alice@example.test'],
    ],
  ] as const) {
    test(`${what}`, async () => {
      const { fields } = await install()
      assert.deepEqual(await fields(header), expected)
    })
  }

  test('cannot be added for an account without address, or where nothing is to be fixed', async () => {
    const nobody = { id: 'n', login: 'n', addresses: [] }
    assert.equal(await (await install()).message('Subject: x', nobody), '554 5.6.0 from-wrong')
    assert.equal(await (await install({ fix: false })).message('Subject: x'), '554 5.6.0 from-wrong')
  })

  test('of strangers are not touched, nor where nothing is to be fixed', async () => {
    const { hooks } = await install()
    const asked = {
      envelope: anEnvelope(),
      message: aMessage('Bcc: x@far.test\n\n'),
      verdict: { findings: [], sum: 0 },
    }
    assert.equal(await hooks.headers!({ session: aSession(), ...asked }, aCall()), undefined)
    assert.equal((await install({ fix: false })).hooks.headers, undefined)
  })
})

test('faults of send-as.yaml have their place and a suggestion', async () => {
  await assert.rejects(install({}, { 'send-as.yaml': 'alice: [x@y.test, far.test]\nbob: 7\n' }), error => {
    assert.ok(error instanceof ConfigError)
    assert.deepEqual(
      error.faults.map(({ line, message }) => `${line} ${message}`),
      [
        `1 "far.test": expected any, user@example.org or '@example.org'; did you mean '@far.test'?`,
        `2 7: expected any, user@example.org or '@example.org'`,
      ],
    )
    return true
  })
})
