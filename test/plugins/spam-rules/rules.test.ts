import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ConfigError, type Finding } from '../../../core/api/index.js'
import { filesIn } from '../../../core/config/files.js'
import { messageOf } from '../../../core/storage/message.js'
import { aMessage, anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import { ruleCommands } from '../../../plugins/spam-rules/commands.js'
import { mailOf } from '../../../plugins/spam-rules/example.js'
import spamRules, { loadRules } from '../../../plugins/spam-rules/index.js'
import { brandsOf } from '../../../plugins/spam-rules/origin/brands.js'
import { pointsOf } from '../../../plugins/spam-rules/rule.js'
import { findingsIn } from '../../../plugins/spam-rules/try.js'
import { runCommand } from '../../harness/context.js'

const folder = mkdtempSync(join(tmpdir(), 'spam-rules-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let count = 0

/** Loads one rule file, and an admin's own when given. */
async function load(yaml: string, local?: string) {
  const base = join(folder, String(count++))
  mkdirSync(join(base, 'rules'), { recursive: true })
  writeFileSync(join(base, 'rules', 'a.yaml'), yaml)
  if (local !== undefined) writeFileSync(join(base, 'local.yaml'), local)
  return loadRules(filesIn(base), join(base, 'rules'), 'local.yaml')
}

const rule = (condition: string, more = '') => `
lists:
  freemail: [gmail.com]
  endings: [click]
rules:
  - name: the-rule
    points: 1.5
    says: 'Found {found}'
    hits: [x]
    misses: [y]
    ${condition}
${more}`

async function found(condition: string, mail: string): Promise<string | undefined> {
  const set = await load(rule(condition))
  return (await findingsIn(set, messageOf, mailOf(mail)))[0]?.says.replace('Found ', '')
}

describe('words', () => {
  for (const [what, condition, mail, wish] of [
    ['whole words are found', 'words: [free money]', 'Get FREE   money!', 'free money'],
    ['parts of words are not', 'words: [free money]', 'carefree moneybag', undefined],
    ['the start of a word is', 'words: [pharmac*]', 'Pharmacists agree', 'pharmac'],
    ['accents and case do not matter', 'words: [gluckwunsch]', 'Herzlichen GLÜCKWUNSCH', 'gluckwunsch'],
    ['line breaks and signs are gaps', 'words: [act now]', 'Act\n-- now', 'act now'],
    ['apostrophes are not there', "words: [don't wait]", 'Don’t wait', "don't wait"],
    [
      'invisible characters are not there',
      'words: [free money]',
      'fr\u200bee mo\u00adney',
      '"fr\u200bee" → free money',
    ],
    ['Chinese needs no gaps', 'words: [發票]', '您好發票優惠', '發票'],
    ['Cyrillic works', 'words: [бесплатно]', 'Только БЕСПЛАТНО!', 'бесплатно'],
    ['different words are counted, not repeats', 'words: [a b, c d]\n    at_least: 2', 'a b a b', undefined],
    ['enough different words hit', 'words: [a b, c d]\n    at_least: 2', 'a b c d', 'a b, c d'],
    ['the subject only', 'words: [free]\n    where: [subject]', 'Subject: x\n\nfree', undefined],
    ['the sender’s name only', 'words: [bank]\n    where: [name]', 'From: "The Bank" <x@y.example>', 'bank'],
    ['addresses of links', 'words: [login]\n    where: [link]', '<a href="http://x.example/login">x</a>', 'login'],
    ['stems', 'words: [transfer the fund]\n    stem: en', 'transferring the funds', 'transfer the fund'],
    ['no stems where none are asked for', 'words: [transfer the fund]', 'transferring the funds', undefined],
  ] as const) {
    test(what, async () => assert.equal(await found(condition, mail), wish))
  }
})

describe('fields and text', () => {
  for (const [what, condition, mail, wish] of [
    ['a field that matches', 'field: X-Mailer\n    matches: ^bulk', 'X-Mailer: BulkMate 3', 'Bulk'],
    ['a field that does not', 'field: X-Mailer\n    matches: ^bulk', 'X-Mailer: Mutt', undefined],
    ['a field that is there', 'field: List-Id', 'List-Id: <a.b>', '<a.b>'],
    ['a field that is missing', 'field: List-Id\n    missing: true', 'x', 'no list-id'],
    ['text of the body', 'text: body\n    matches: "\\\\d{3}-\\\\d{4}"', 'call 555-1234', '555-1234'],
    ['html as it stands', 'text: html\n    matches: <form', '<form action="x"></form>', '<form'],
    ['any of several', 'any: [{ words: [a b] }, { field: List-Id }]', 'a b', 'a b'],
    ['all of several', 'all: [{ words: [a b] }, { field: X-Y }]', 'a b', undefined],
    ['all but none of these', 'all: [{ words: [a b] }, { not: [{ words: [c d] }] }]', 'a b', 'a b'],
    ['one of those', 'all: [{ words: [a b] }, { not: [{ words: [c d] }] }]', 'a b c d', undefined],
  ] as const) {
    test(what, async () => assert.equal(await found(condition, mail), wish))
  }
})

describe('origin', () => {
  for (const [condition, mail, wish] of [
    ['origin: reply-to-differs', 'From: a@mail.one.co.uk\nReply-To: b@one.co.uk', undefined],
    ['origin: reply-to-differs', 'From: a@one.co.uk\nReply-To: b@two.co.uk', 'two.co.uk'],
    ['origin: from-in-list\n    list: freemail', 'From: a@GMAIL.com', 'gmail.com'],
    ['origin: from-domain-under\n    list: endings', 'From: a@x.click', 'x.click'],
    ['origin: name-holds-address', 'From: "a@bank.example.com" <x@odd.example.net>', 'bank.example.com'],
    ['origin: link-to-number', 'http://127.1/x', '127.0.0.1'],
    ['origin: link-to-number', '<a href="http://[2001:db8::1]/">x</a>', '[2001:db8::1]'],
    ['origin: link-to-number', '<a href="mailto:1@2.example">x</a>', undefined],
    ['origin: null-sender-without-bounce', 'Envelope-From: <>', '<>'],
    ['origin: null-sender-without-bounce', 'Envelope-From: <>\nAuto-Submitted: auto-replied', undefined],
    ['origin: null-sender-without-bounce', 'x', undefined],
  ] as const) {
    test(`${condition.replace(/\s+/g, ' ')}: ${JSON.stringify(mail)}`, async () => {
      const set = await load(rule(condition))
      const says = (await findingsIn(set, messageOf, mailOf(mail)))[0]?.says.replace('Found ', '')
      assert.equal(says, wish)
    })
  }
})

describe('the hook', () => {
  test('gives findings with points and a sentence', async () => {
    const base = join(folder, 'hook')
    mkdirSync(join(base, 'rules'), { recursive: true })
    writeFileSync(join(base, 'rules', 'a.yaml'), rule('words: [free money]'))
    const { hooks, call } = await setUp(spamRules, { config: { rules: join(base, 'rules') } })
    const message = aMessage('From: a@b.example\nSubject: Free money\n\nx\n')
    const findings = await hooks.score!({ session: aSession(), envelope: anEnvelope(), message }, call)
    assert.deepEqual(findings, [
      { name: 'the-rule', points: 1.5, says: 'Found free money', evidence: ['subject: free money'] },
    ] satisfies Finding[])
  })

  test('what was found is printable and short', async () => {
    const says = await found('field: Subject\n    matches: ".+"', `Subject: \u202e${'x'.repeat(500)}`)
    assert.ok(says!.length <= 60)
    assert.doesNotMatch(says!, /\u202e/)
  })
})

describe('the admin’s own file', () => {
  test('adds rules, adds to lists and changes points', async () => {
    const set = await load(
      rule('origin: from-in-list\n    list: freemail'),
      'lists: { freemail: [odd.example] }\npoints: { the-rule: 0.5 }\n' +
        rule('words: [mine]')
          .replace('the-rule', 'my-rule')
          .replace(/lists:[\s\S]*rules:/, 'rules:'),
    )
    assert.deepEqual(
      set.rules.map(rule => [rule.name, pointsOf(rule)]),
      [
        ['the-rule', 0.5],
        ['my-rule', 1.5],
      ],
    )
    assert.equal((await findingsIn(set, messageOf, mailOf('From: a@odd.example')))[0]?.points, 0.5)
  })

  test('a list may stand in a text file beside it', async () => {
    const yaml = (file: string) => `lists: { freemail: { file: ${file} } }`
    writeFileSync(join(folder, 'names.txt'), '# ours\nOdd.example bücher.example # and\n')
    const set = await load(rule('origin: from-in-list\n    list: freemail'), yaml('../names.txt'))
    for (const [domain, count] of [
      ['odd.example', 1],
      ['xn--bcher-kva.example', 1],
      ['and', 0],
    ] as const)
      assert.equal((await findingsIn(set, messageOf, mailOf(`From: a@${domain}`))).length, count, domain)
    await assert.rejects(
      load(rule('words: [x]'), yaml('missing.txt')),
      (error: unknown) => error instanceof ConfigError && /missing\.txt cannot be read/.test(error.message),
    )
  })

  test('0 points switch a rule off', async () => {
    const set = await load(rule('words: [x]'), 'points: { the-rule: 0 }')
    assert.deepEqual(set.rules, [])
  })
})

describe('a wrong rule file is refused with file, line and column', () => {
  for (const [what, yaml, line, wish] of [
    ['an unknown key', rule('wrods: [x]'), 11, /did you mean "words"/],
    ['no condition', rule(''), 6, /expected a condition/],
    ['two conditions', rule('words: [x]\n    field: Subject'), 12, /one condition only/],
    ['a key that means nothing there', rule('words: [x]\n    list: freemail'), 12, /"list" has no meaning/],
    ['an unknown test', rule('origin: reply-to-difers'), 11, /did you mean/],
    ['an unknown list', rule('origin: from-in-list\n    list: fremail'), 12, /did you mean "freemail"/],
    ['a test without its list', rule('origin: from-in-list'), 11, /needs "list:"/],
    ['a pattern that can take for ever', rule('field: Subject\n    matches: (a+)+$'), 12, /a repeat within a repeat/],
    ['a pattern that is none', rule('field: Subject\n    matches: (a'), 12, /not a regular expression/],
    ['an open repeat over the body', rule('text: body\n    matches: a.*b.*c'), 12, /too costly on long texts/],
    ['more words wanted than there are', rule('words: [x]\n    at_least: 2'), 12, /only 1 words/],
    [
      'a sentence with a slip in it',
      rule('words: [x]').replace('says: ', 'says: "{fuond}" # '),
      8,
      /nothing is known as "\{fuond\}", did you mean "\{found\}"/,
    ],
    ['no examples', rule('words: [x]').replace(/misses: .*/, 'misses: []'), 10, /expected at least 1 entry, got 0/],
    ['a word of nothing', rule('words: ["..."]'), 11, /expected letters/],
    [
      'points for a rule that is not there',
      rule('words: [x]', 'points: { the-rul: 2 }'),
      12,
      /did you mean "the-rule"/,
    ],
    [
      'the same name twice',
      rule('words: [x]', '  - { name: the-rule, points: 1, says: twice, hits: [x], misses: [y], words: [x] }'),
      12,
      /stands already at/,
    ],
    [
      'a fault deep inside',
      rule('any: [{ words: [x] }, { not: [{ field: X, matches: "(" }] }]'),
      11,
      /not a regular expression/,
    ],
  ] as const) {
    test(what, async () => {
      await assert.rejects(
        () => load(yaml),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError, String(error))
          assert.match(error.faults[0]!.message, wish)
          assert.equal(error.faults[0]!.line, line)
          return true
        },
      )
    })
  }
})

describe('posthouse rules', () => {
  test('test names each failing example with its place and exits with 1', async () => {
    const set = await load(rule('words: [z]'))
    const { out, code } = await runCommand(
      ruleCommands(async () => set, messageOf),
      'rules test',
    )
    assert.equal(code, 1)
    assert.match(out[0]!, /a\.yaml:9:12: the-rule does not find: x$/)
    assert.equal(out.at(-1), '1 rules, 2 examples, 1 failure')
  })

  test('test --json is data', async () => {
    const set = await load(rule('words: [y]'))
    const { out } = await runCommand(
      ruleCommands(async () => set, messageOf),
      'rules test',
      [],
      { json: true },
    )
    const report = JSON.parse(out.join('\n'))
    assert.deepEqual(
      report.failures.map(({ line, column }: { line: number; column: number }) => [line, column]),
      [
        [9, 12],
        [10, 14],
      ],
    )
  })

  test('try knows the brands of this site, as mail that comes in does', async () => {
    const set = await load(rule('brand: claimed-elsewhere'))
    const file = join(folder, 'brand.eml')
    writeFileSync(file, 'From: a@odd.example\n\nYour Riverside Bank account: https://x71.example/\n')
    const brands = brandsOf({ added: [{ brand: 'Riverside Bank', domains: ['riverside.example'] }], without: [] })
    const found = async (known?: () => typeof brands) => {
      const commands = ruleCommands(async () => set, messageOf, known)
      const { out } = await runCommand(commands, 'rules try', [file], { json: true })
      return JSON.parse(out[0]!).findings.length
    }
    assert.equal(await found(), 0)
    assert.equal(await found(() => brands), 1)
  })

  test('try scores files and folders and says why', async () => {
    const set = await load(rule('words: [x]'))
    const mails = join(folder, 'mails')
    mkdirSync(mails, { recursive: true })
    writeFileSync(join(mails, '1.eml'), 'From nobody Mon Jan  1\nSubject: x\n\nhello\n')
    writeFileSync(join(mails, '2.eml'), 'Subject: y\n\nhello\n')
    const { out } = await runCommand(
      ruleCommands(async () => set, messageOf),
      'rules try',
      [mails],
    )
    assert.deepEqual(out, [
      `   1.5  ${mails}/1.eml`,
      '         1.5  the-rule: Found x',
      '              · subject: x',
      '        seen: "x", 21B, 7 characters of text',
      `   0.0  ${mails}/2.eml`,
      '        seen: "y", 21B, 7 characters of text',
    ])
    const summary = await runCommand(
      ruleCommands(async () => set, messageOf),
      'rules try',
      [mails],
      {
        options: { summary: true, threshold: '1' },
      },
    )
    assert.equal(summary.out[0], '1 of 2 messages (50.00 %) have 1 points or more')
  })
})

test('a listener that is not there is a fault with its place, for new rules and for changes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spam-rules-listeners-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'rules'))
  writeFileSync(join(folder, 'rules', 'a.yaml'), rule('words: [x]', '    only: { listeners: [MX, internal] }'))
  writeFileSync(join(folder, 'local.yaml'), 'adjust:\n  the-rule: { except: { listeners: [submision] } }\n')
  const loading = loadRules(filesIn(folder), join(folder, 'rules'), 'local.yaml', ['mx', 'submission'])
  await assert.rejects(loading, (error: unknown) => {
    assert.ok(error instanceof ConfigError)
    assert.deepEqual(
      error.faults.map(({ line, message }) => `${line}: ${message}`),
      ['2: there is no listener "submision", did you mean "submission"?'],
    )
    return true
  })
})
