/** DMARC by the text of RFC 7489: whose name it is, which record, who is aligned, and what then comes of it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DkimFacts, SpfFacts } from '../../../core/api/index.js'
import { MailError } from '../../../core/api/index.js'
import { authorOf } from '../../../plugins/mail-auth/dmarc/author.js'
import { checkDmarc, findPolicies } from '../../../plugins/mail-auth/dmarc/check.js'
import { readDmarcRecord } from '../../../plugins/mail-auth/dmarc/record.js'

const signal = new AbortController().signal

function spf(result: SpfFacts['result'], domain = 'first.test'): SpfFacts {
  return { result, domain, why: '' }
}

function dkim(result: DkimFacts['result'], domain = 'first.test'): DkimFacts {
  return { result, domain, selector: 's', algorithm: 'rsa-sha256', tag: '', why: '' }
}

interface Case {
  readonly zone: Readonly<Record<string, string | readonly string[]>>
  /** A domain, or From fields. */
  readonly from?: string | readonly string[]
  /** Names that are there. */
  readonly there?: readonly string[]
  readonly spf?: SpfFacts
  readonly dkim?: readonly DkimFacts[]
  readonly id?: string
}

async function check({
  zone,
  from = 'first.test',
  there = [],
  spf: bySpf = spf('none'),
  dkim: byDkim = [],
  id = 'x',
}: Case) {
  const addresses = async (name: string) => {
    if (there.includes('trouble')) throw new MailError('dns-unavailable', name)
    return there.includes(name) ? ['192.0.2.1'] : []
  }
  const dns = {
    ...{ a: addresses, aaaa: async () => [], mx: async () => [] },
    txt: async (name: string) => {
      if (zone[name] === 'trouble') throw new MailError('dns-unavailable', name)
      return [zone[name] ?? []].flat()
    },
  }
  const author = typeof from === 'string' ? { domain: from } : authorOf(from)
  const policies = await findPolicies(author, { dns, signal })
  return checkDmarc({ from: author, policies, spf: bySpf, dkim: byDkim, id }, { dns, signal })
}

const REJECT = { '_dmarc.first.test': 'v=DMARC1; p=reject' }

const CASES: readonly (readonly [string, Case, string])[] = [
  ['no record', { zone: {} }, 'none'],
  ['SPF that is aligned', { zone: REJECT, spf: spf('pass') }, 'pass'],
  ['SPF of a subdomain', { zone: REJECT, spf: spf('pass', 'bounce.first.test') }, 'pass'],
  ['SPF of another domain', { zone: REJECT, spf: spf('pass', 'mailer.test') }, 'fail'],
  ['a domain that only ends like it', { zone: REJECT, spf: spf('pass', 'notfirst.test') }, 'fail'],
  ['a signature that is aligned', { zone: REJECT, dkim: [dkim('fail', 'x.test'), dkim('pass')] }, 'pass'],
  ['a signature of another domain', { zone: REJECT, dkim: [dkim('pass', 'mailer.test')] }, 'fail'],
  ['a wrong signature', { zone: REJECT, dkim: [dkim('fail')] }, 'fail'],
  ['a weak signature', { zone: REJECT, dkim: [dkim('policy')] }, 'fail'],
  [
    'strict SPF of a subdomain',
    { zone: { '_dmarc.first.test': 'v=DMARC1; p=reject; aspf=s' }, spf: spf('pass', 'a.first.test') },
    'fail',
  ],
  [
    'strict DKIM of a subdomain',
    { zone: { '_dmarc.first.test': 'v=DMARC1; p=reject; adkim=s' }, dkim: [dkim('pass', 'a.first.test')] },
    'fail',
  ],
  ['trouble with the record', { zone: { '_dmarc.first.test': 'trouble' } }, 'temperror'],
  ['trouble with a signature that might have passed', { zone: REJECT, dkim: [dkim('temperror')] }, 'temperror'],
  ['trouble with the signature of somebody else', { zone: REJECT, dkim: [dkim('temperror', 'x.test')] }, 'fail'],
  ['trouble with SPF that might have passed', { zone: REJECT, spf: spf('temperror') }, 'temperror'],
  ['two records', { zone: { '_dmarc.first.test': ['v=DMARC1; p=reject', 'v=DMARC1; p=none'] } }, 'none'],
  [
    'another record beside it',
    { zone: { '_dmarc.first.test': ['hello', 'v=DMARC1; p=reject'] }, spf: spf('pass') },
    'pass',
  ],
  ['a broken record', { zone: { '_dmarc.first.test': 'v=DMARC1; p=maybe' } }, 'permerror'],
]

for (const [what, given, wanted] of CASES)
  test(`${what}: ${wanted}`, async () => {
    const found = await check(given)
    assert.equal(found.result, wanted, found.why)
    assert.equal(found.disposition, wanted === 'fail' ? 'reject' : 'none')
  })

describe('which policy', () => {
  const zone = { '_dmarc.first.test': 'v=DMARC1; p=reject; sp=quarantine' }
  for (const [from, wanted] of [
    ['first.test', 'reject'],
    ['a.first.test', 'quarantine'],
    ['a.b.c.first.test', 'quarantine'],
  ] as const)
    test(`${from}: ${wanted}`, async () => assert.equal((await check({ zone, from })).disposition, wanted))

  test('that of a subdomain itself stands before its organisation', async () => {
    const own = { ...zone, '_dmarc.a.first.test': 'v=DMARC1; p=none' }
    assert.equal((await check({ zone: own, from: 'a.first.test' })).policy, 'none')
  })

  for (const [record, wanted] of [
    ['v=DMARC1; p=reject; pct=0', 'quarantine'],
    ['v=DMARC1; p=quarantine; pct=0', 'none'],
    ['v=DMARC1; p=reject; pct=100', 'reject'],
    ['v=DMARC1; p=reject; t=y', 'quarantine'],
    ['v=DMARC1; p=quarantine; t=y', 'none'],
  ] as const)
    test(`${record} comes to ${wanted}`, async () =>
      assert.equal((await check({ zone: { '_dmarc.first.test': record } })).disposition, wanted))

  test('pct=30 applies to about that many, and to a mail always in the same way', async () => {
    const half = { '_dmarc.first.test': 'v=DMARC1; p=reject; pct=30' }
    const all = await Promise.all(Array.from({ length: 1000 }, (_, i) => check({ zone: half, id: `m${i}` })))
    const again = await Promise.all(Array.from({ length: 1000 }, (_, i) => check({ zone: half, id: `m${i}` })))
    assert.deepEqual(all, again)
    const rejected = all.filter(({ disposition }) => disposition === 'reject').length
    assert.ok(rejected > 240 && rejected < 360, `${rejected}`)
  })
})

describe('a name that is not there (np)', () => {
  const zone = { '_dmarc.first.test': 'v=DMARC1; p=none; sp=quarantine; np=reject' }
  for (const [what, given, wanted] of [
    ['is held to np', { from: 'nobody.first.test' }, 'reject'],
    ['is held to sp when it is there', { from: 'a.first.test', there: ['a.first.test'] }, 'quarantine'],
    ['is held to sp when nobody can say', { from: 'nobody.first.test', there: ['trouble'] }, 'quarantine'],
    ['is held to p when it is the domain itself', { from: 'first.test' }, 'none'],
  ] as const)
    test(`${what}: ${wanted}`, async () => assert.equal((await check({ zone, ...given })).disposition, wanted))

  test('is held to sp, else p, without np', async () => {
    const found = await check({ zone: REJECT, from: 'nobody.first.test' })
    assert.equal(found.disposition, 'reject')
  })
})

describe('the record of a registry (psd)', () => {
  const zone = { '_dmarc.co.uk': 'v=DMARC1; p=reject; sp=quarantine; np=reject; psd=y' }
  for (const [what, given, wanted] of [
    ['speaks for who has none', { zone, from: 'bank.co.uk', there: ['bank.co.uk'] }, 'fail quarantine'],
    ['speaks for names that nobody has', { zone, from: 'nobody.co.uk' }, 'fail reject'],
    [
      'does not align those who register there',
      { zone, from: 'bank.co.uk', there: ['bank.co.uk'], spf: spf('pass', 'evil.co.uk') },
      'fail quarantine',
    ],
    [
      'leaves names of one organisation aligned',
      { zone, from: 'a.bank.co.uk', spf: spf('pass', 'b.bank.co.uk') },
      'pass none',
    ],
    [
      'is no record for others without psd=y',
      { zone: { '_dmarc.co.uk': 'v=DMARC1; p=reject' }, from: 'bank.co.uk' },
      'none none',
    ],
    [
      'parts those below, though no list knows of it',
      {
        zone: { '_dmarc.first.test': 'v=DMARC1; p=reject; psd=y' },
        from: 'a.first.test',
        spf: spf('pass', 'b.first.test'),
      },
      'fail reject',
    ],
    [
      'is that of a name of its own too',
      { zone: { '_dmarc.first.test': 'v=DMARC1; p=reject; psd=y' }, spf: spf('pass', 'b.first.test') },
      'fail reject',
    ],
    [
      'says by psd=n where an organisation ends',
      {
        zone: { '_dmarc.a.first.test': 'v=DMARC1; p=reject; psd=n' },
        from: 'a.first.test',
        spf: spf('pass', 'b.first.test'),
      },
      'fail reject',
    ],
    [
      'and what belongs to it',
      {
        zone: { '_dmarc.a.first.test': 'v=DMARC1; p=reject; psd=n' },
        from: 'a.first.test',
        spf: spf('pass', 'b.a.first.test'),
      },
      'pass none',
    ],
  ] as const)
    test(`${what}: ${wanted}`, async () => {
      const { result, disposition, why } = await check(given)
      assert.equal(`${result} ${disposition}`, wanted, why)
    })
})

describe('several in From', () => {
  const zone = { ...REJECT, '_dmarc.soft.test': 'v=DMARC1; p=quarantine', '_dmarc.none.test': 'v=DMARC1; p=none' }
  for (const [fields, given, wanted] of [
    [['a@first.test', 'b@none.test'], {}, 'fail reject first.test'],
    [['b@none.test, a@first.test'], {}, 'fail reject first.test'],
    [['b@soft.test, a@first.test'], { spf: spf('pass') }, 'fail quarantine soft.test'],
    [['b@soft.test, a@first.test'], {}, 'fail reject first.test'],
    [['b@none.test, a@first.test'], { spf: spf('pass') }, 'permerror none '],
    [['b@none.test, c@other.test'], {}, 'permerror none '],
  ] as const)
    test(`${fields.join(' / ')}: ${wanted}`, async () => {
      const { result, disposition, domain } = await check({ zone, from: fields, ...given })
      assert.equal(`${result} ${disposition} ${domain}`, wanted)
    })
})

test('it says in a sentence what was looked up and what came of it', async () => {
  const found = await check({ zone: REJECT, spf: spf('pass', 'mailer.test') })
  assert.equal(
    found.why,
    'From first.test publishes p=reject; SPF: pass for mailer.test, which is not aligned; no DKIM signature',
  )
})

for (const [fields, wanted] of [
  [['Carol <carol@First.Test>'], 'first.test'],
  [['a@first.test, b@first.test'], 'first.test'],
  [['"x@evil.test" <a@first.test>'], 'first.test'],
  [['a@b\u00c3\u00bccher.example'], 'xn--bcher-kva.example'],
  [[], undefined],
  [['a@first.test', 'b@first.test'], undefined],
  [['a@first.test, b@other.test'], undefined],
  [['a@not_a_host.First.test'], 'not_a_host.first.test'],
  [['a@-.first.test'], undefined],
  [['nobody'], undefined],
  [['undisclosed:;'], undefined],
] as const)
  test(`From ${JSON.stringify(fields)} is of ${wanted}`, () => {
    const author = authorOf(fields)
    assert.equal('domain' in author ? author.domain : undefined, wanted)
  })

for (const [text, wanted] of [
  ['v=DMARC1;p=none', 'none none 100'],
  ['v=DMARC1 ; p = Reject ; sp=none; pct=7', 'reject none 7'],
  ['v=DMARC1; p=reject; pct=x', 'reject reject 100'],
  ['v=DMARC1; p=reject; p=none', undefined],
  ['v=DMARC1', undefined],
  ['v=DMARC1; rua=mailto:a@b.test', 'none none 100'],
] as const)
  test(`the record "${text}" says ${wanted}`, () => {
    const record = readDmarcRecord(text)
    const said = 'broken' in record ? undefined : `${record.policy} ${record.below} ${record.percent}`
    assert.equal(said, wanted)
  })

describe('for reports it also tells', () => {
  const record = 'v=DMARC1; p=reject; sp=none; adkim=s; pct=0; ri=3600; fo=1; rua=mailto:a@first.test'

  test('the record it was held to, and who was aligned', async () => {
    const zone = { '_dmarc.first.test': record }
    const { published, aligned, overrides } = await check({
      zone,
      spf: spf('pass'),
      dkim: [dkim('pass', 'a.first.test')],
    })
    assert.deepEqual(published, {
      ...{ at: 'first.test', policy: 'reject', below: 'none', strictDkim: true, strictSpf: false, percent: 0 },
      ...{ testing: false, failureOptions: '1', reportsTo: 'mailto:a@first.test', reportsEvery: 3600 },
    })
    assert.deepEqual([aligned, overrides], [{ dkim: false, spf: true }, undefined])
  })

  test('why less was done than the domain asks for', async () => {
    const found = await check({ zone: { '_dmarc.first.test': record } })
    assert.deepEqual(found.overrides, [{ kind: 'sampled_out', why: 'not among the 0 of a hundred (pct)' }])
  })

  test('nothing of a domain without a record', async () => {
    assert.deepEqual(Object.keys(await check({ zone: {} })), ['result', 'domain', 'disposition', 'why'])
  })
})
