import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ConfigError } from '../../../../core/api/index.js'
import { filesIn } from '../../../../core/config/files.js'
import { messageOf } from '../../../../core/storage/message.js'
import { mailOf } from '../../../../plugins/spam-rules/example.js'
import { loadRules } from '../../../../plugins/spam-rules/index.js'
import { findingsIn } from '../../../../plugins/spam-rules/try.js'

const folder = mkdtempSync(join(tmpdir(), 'words-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let count = 0

async function load(condition: string) {
  const base = join(folder, String(count++))
  mkdirSync(join(base, 'rules'), { recursive: true })
  const head = "rules:\n  - name: the-rule\n    points: 3\n    says: 'Found {found}'\n    hits: [x]\n    misses: [y]\n"
  writeFileSync(join(base, 'rules', 'a.yaml'), `${head}    ${condition}\n`)
  return loadRules(filesIn(base), join(base, 'rules'), 'local.yaml')
}

async function told(condition: string, mail: string): Promise<string | undefined> {
  const [finding] = await findingsIn(await load(condition), messageOf, mailOf(mail))
  return finding && `${finding.points}: ${finding.says.replace('Found ', '')}`
}

const GROUPS =
  'words: [{ weight: 2, phrases: [viagra, cialis], why: pills }, cheap, { weight: -2, phrases: [my doctor] }]\n    full: 4'
const NEAR = (more = '') => `words: [{ near: [died | passed away, "million*"], within: 6${more} }]`

describe('weights, places and nearness', () => {
  for (const [what, condition, mail, wish] of [
    ['a part of the points', GROUPS, 'viagra', '1.5: viagra'],
    ['more of them', GROUPS, 'cheap viagra', '2.25: viagra, cheap'],
    ['all of them and no more', GROUPS, 'cheap viagra, cheap cialis', '3: viagra, cialis, cheap'],
    ['what speaks against it', GROUPS, 'my doctor says viagra is cheap', '0.75: viagra, cheap, my doctor'],
    ['too little of it', `${GROUPS}\n    at_least: 3`, 'viagra', undefined],
    ['enough of it', `${GROUPS}\n    at_least: 3`, 'viagra cheap', '2.25: viagra, cheap'],
    ['what outweighs it', GROUPS, 'my doctor says viagra', undefined],
    ['a place that counts twice', `${GROUPS}\n    worth: { subject: 2 }`, 'Subject: viagra\n\nviagra', '3: viagra'],
    ['a place that counts nothing less', `${GROUPS}\n    worth: { body: 0.5 }`, 'Subject: x\n\nviagra', '0.75: viagra'],
    ['near each other', NEAR(), 'He passed away and left a million', '3: passed away and left a million'],
    ['too far apart', NEAR(), 'He died long ago in a far land and left a million', undefined],
    ['the other way round', NEAR(), 'Millions died', '3: millions died'],
    ['out of order', NEAR(', ordered: true'), 'Millions died', undefined],
    [
      'near by stems',
      'words: [{ near: [transfer, fund], within: 4, stem: en }]',
      'transferring of the funds',
      '3: transfer of the fund',
    ],
    [
      'a name of an attachment',
      'words: [invoice]\n    where: [file]',
      'Content-Type: application/octet-stream; name="invoice.bin"\n\nx',
      '3: invoice',
    ],
  ] as const) {
    test(what, async () => assert.equal(await told(condition, mail), wish))
  }
})

describe('dressing up', () => {
  for (const [what, condition, mail, wish] of [
    ['is seen through, and shown', 'words: [cheap viagra]', 'cheap v1-a.g r@', '3: "v1-a.g r@" → cheap viagra'],
    ['is shown only where there is nothing plain', 'words: [viagra]', 'viagra and v1agra', '3: viagra'],
    ['may be what is asked for', 'words: [viagra]\n    dressed: true', 'viagra and v1agra', '3: "v1agra" → viagra'],
    ['plain words are not', 'words: [viagra]\n    dressed: true', 'viagra', undefined],
    [
      'of any rule',
      'any: [{ words: [viagra, cialis], at_least: 2, where: [link] }, { words: dressed-up, at_least: 2 }]',
      'v1agra or c1alis',
      '3: "v1agra" → viagra, "c1alis" → cialis',
    ],
    [
      'once is less than twice',
      'any: [{ words: [viagra], where: [link] }, { words: dressed-up, at_least: 2 }]',
      'v1agra, v1agra',
      undefined,
    ],
    ['in the subject', 'words: [loan]', 'Subject: L0AN\n\nx', '3: "L0AN" → loan'],
  ] as const) {
    test(what, async () => assert.equal(await told(condition, mail), wish))
  }
})

test('the stemmer of the text’s own language runs, and no other', async () => {
  const condition = 'words: [{ phrases: [Zahlung], stem: de }, { phrases: [transfer], stem: en }]'
  assert.equal(
    await told(condition, 'Wir haben die Zahlungen für Sie und die Transfers sind mit der Bank'),
    '3: Zahlung',
  )
  assert.equal(await told(condition, 'We have been transferring it for you and they will have it'), '3: transfer')
})

describe('faults are told with their place', () => {
  for (const [what, condition, line, wish] of [
    ['a key of a group', 'words: [{ phrase: [x] }]', 7, /did you mean "phrases"|expected/],
    ['nothing in a group', 'words: [{ weight: 2 }]', 7, /expected "phrases" or "near"/],
    ['both in a group', 'words: [{ phrases: [x], near: [a, b] }]', 7, /not both/],
    ['a width without nearness', 'words: [{ phrases: [x], within: 4 }]', 7, /only beside "near"/],
    ['an empty phrase', 'words: ["!!"]', 7, /letters/],
    ['an empty part', 'words: [{ near: [a, "b | !"] }]', 7, /alternatives/],
    ['more than there are', 'words: [a, { phrases: [b, c] }]\n    at_least: 4', 8, /only 3/],
    [
      'a place that is not looked at',
      'words: [a]\n    worth: { file: 2 }\n    where: [body]',
      8,
      /does not look there/,
    ],
    ['a place that is none', 'words: [a]\n    worth: { subjekt: 2 }', 8, /did you mean "subject"/],
    ['dressed-up with a sum', 'words: dressed-up\n    full: 3', 7, /knows "where"/],
    ['dressed-up mistyped', 'words: dresed-up', 7, /dressed-up/],
  ] as const) {
    test(what, async () => {
      await assert.rejects(load(condition), (error: unknown) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.faults[0]!.message, wish)
        assert.equal(error.faults[0]!.line, line)
        return true
      })
    })
  }
})

test('the words of a long text are found, and others are served while they are searched for', async () => {
  const set = await load('words: [lottery]')
  const long = mailOf(`Subject: x\n\n${'A line of words.\n'.repeat(5000)}The lottery`)
  let turns = 0
  let over = false
  const serve = () => {
    turns++
    if (!over) setImmediate(serve)
  }
  setImmediate(serve)
  const found = await findingsIn(set, messageOf, long)
  over = true
  assert.deepEqual(
    found.map(({ says }) => says),
    ['Found lottery'],
  )
  assert.ok(turns > 1, `${turns}`)
})
