/** Signatures of others and of ours before our check: the published messages, the example of RFC 8463, and what must not pass. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { dkimSign } from 'mailauth/lib/dkim/sign.js'
import { checkSignatures, type DkimParts, MailError } from '../../../core/api/index.js'
import { digestMessage } from '../../../core/text/index.js'
import { dataDir } from '../../harness/data.js'
import { type DnsServer, startDnsServer, type ZoneEntry } from '../../harness/dns-server.js'
import { patientResolver } from '../../harness/patient-resolver.js'
import { edKey, oneByOne, recordOf, rsaKey, type SignWish, signed } from '../../harness/signed-mail.js'

const folder = dataDir('auth')
const skip = folder === undefined && 'needs shared/data'
const signal = new AbortController().signal

const rsa = rsaKey()
const ed = edKey()
const weak = rsaKey(768)
const records = new Map([
  ['s1._domainkey.first.test', recordOf(rsa)],
  ['ed._domainkey.first.test', recordOf(ed)],
  ['weak._domainkey.first.test', recordOf(weak)],
  ['strict._domainkey.first.test', `${recordOf(rsa)}; t=s`],
  ['revoked._domainkey.first.test', 'v=DKIM1; p='],
])
const dns: DkimParts['dns'] = {
  txt: async name => {
    if (name.startsWith('trouble.')) throw new MailError('dns-unavailable', name)
    if (name.startsWith('two.')) return [recordOf(rsa), recordOf(rsaKey())]
    return records.has(name) ? [records.get(name)!] : []
  },
}

const MAIL = Buffer.from(
  'From: Carol <carol@first.test>\r\nTo: bob@x.test\r\nSubject:  hello\r\n there\r\n\r\nHow  are you? \r\n\r\n',
)

async function check(mail: Buffer, more: Partial<DkimParts> = {}) {
  const parts = { dns, signal, now: 1_700_000_000_000, most: 8, first: undefined, ...more }
  return checkSignatures(wanted => digestMessage(oneByOne(mail, 7), wanted), parts)
}

async function only(mail: Buffer): Promise<string> {
  const [found, ...others] = await check(mail)
  assert.deepEqual(others, [])
  return `${found!.result} ${found!.why}`
}

describe('signatures that are right', () => {
  for (const header of ['simple', 'relaxed'] as const)
    for (const body of ['simple', 'relaxed'] as const)
      for (const [selector, key] of [
        ['s1', rsa],
        ['ed', ed],
      ] as const)
        test(`${header}/${body} by ${key.asymmetricKeyType} passes, and not when anything was changed`, async () => {
          const mail = await signed(MAIL, { key, selector, header, body })
          assert.match(await only(mail), /^pass /)
          const text = mail.toString('latin1')
          assert.match(await only(Buffer.from(text.replace('How', 'Who'), 'latin1')), /^fail .*body/)
          assert.match(await only(Buffer.from(text.replace('hello', 'hullo'), 'latin1')), /^fail .*header/)
        })

  test('mailauth signs, and we take it', async () => {
    const pem = rsa.export({ format: 'pem', type: 'pkcs8' }).toString()
    for (const canonicalization of ['simple/simple', 'relaxed/relaxed', 'relaxed/simple', 'simple/relaxed']) {
      const { signatures } = await dkimSign(MAIL, {
        ...{ canonicalization, algorithm: 'rsa-sha256', signTime: new Date() },
        ...{ signingDomain: 'first.test', selector: 's1', privateKey: pem },
        signatureData: [{ signingDomain: 'first.test', selector: 's1', privateKey: pem }],
      })
      assert.match(await only(Buffer.concat([Buffer.from(signatures), MAIL])), /^pass /, canonicalization)
    }
  })

  test('a field of raw octets, 0xA0 at its end among them, is signed as it is', async () => {
    const mail = Buffer.concat([
      Buffer.from('From: a@first.test\r\nSubject: '),
      Buffer.from('voil\u00e0'),
      Buffer.from('\r\n\r\nx\r\n'),
    ])
    assert.match(await only(await signed(mail, { key: rsa })), /^pass /)
  })

  test('l= that covers all of the body passes', async () => {
    assert.match(await only(await signed(MAIL, { key: rsa, tags: 'l=14; ' })), /^pass /)
  })
})

const WRONG: readonly (readonly [string, SignWish, RegExp])[] = [
  ['sha1', { key: rsa, algorithm: 'rsa-sha1' }, /^permerror .*rsa-sha1 proves nothing/],
  ['a key of 768 bits', { key: weak, selector: 'weak' }, /^policy .*768 bits/],
  ['no From', { key: rsa, names: ['Subject'] }, /^permerror .*does not cover From/],
  ['a key that was taken back', { key: rsa, selector: 'revoked' }, /^permerror .*taken back/],
  ['no key', { key: rsa, selector: 'none' }, /^permerror .*no key at none\._domainkey\.first\.test/],
  ['two keys', { key: rsa, selector: 'two' }, /^permerror .*several keys/],
  ['the key of another kind', { key: ed, selector: 's1' }, /^permerror .*another kind/],
  ['a time that is over', { key: rsa, tags: 'x=1600000000; ' }, /^fail .*time is over/],
  ['an end before the beginning', { key: rsa, tags: 't=5; x=4; ' }, /^permerror .*ends before/],
  ['i= of another domain', { key: rsa, tags: 'i=@notfirst.test; ' }, /^permerror .*i= is not of its d=/],
  [
    'i= below, where the key forbids it',
    { key: rsa, selector: 'strict', tags: 'i=@a.first.test; ' },
    /^permerror .*subdomains/,
  ],
  ['another version', { key: rsa, version: '2' }, /^permerror .*v= is not 1/],
  ['a tag that stands there twice', { key: rsa, tags: 'd=first.test; ' }, /^permerror .*no list/],
  [
    'a selector that leads elsewhere',
    { key: rsa, selector: 's1._domainkey.other.test. ' },
    /^permerror .*s= is no selector/,
  ],
  ['trouble with the name service', { key: rsa, selector: 'trouble' }, /^temperror .*cannot be looked up now/],
]

describe('signatures that do not count', () => {
  for (const [what, wish, wanted] of WRONG)
    test(`${what}`, async () => {
      assert.match(await only(await signed(MAIL, wish)), wanted)
    })

  test('l= that leaves a part of the body open', async () => {
    const mail = await signed(MAIL, { key: rsa, tags: 'l=14; ' })
    assert.match(await only(Buffer.concat([mail, Buffer.from('buy this\r\n')])), /^policy .*part of the body/)
  })

  test('a second From that nobody signed, above or below', async () => {
    const mail = (await signed(MAIL, { key: rsa })).toString('latin1')
    for (const forged of [
      `From: boss@bank.test\r\n${mail}`,
      mail.replace('Subject:', 'From: boss@bank.test\r\nSubject:'),
    ])
      assert.doesNotMatch(await only(Buffer.from(forged, 'latin1')), /^pass /)
  })

  test('a field that was signed to be absent and is there now', async () => {
    const mail = await signed(MAIL, { key: rsa, names: ['From', 'From', 'Subject', 'Reply-To'] })
    assert.match(await only(mail), /^pass /)
    assert.match(await only(Buffer.concat([Buffer.from('Reply-To: x@evil.test\r\n'), mail])), /^fail .*header/)
  })
})

test('of many signatures so many are checked, those of the domain of From first', async () => {
  let mail = await signed(MAIL, { key: rsa })
  for (let i = 0; i < 20; i++) mail = await signed(mail, { key: rsa, domain: `d${i}.test` })
  const asked: string[] = []
  const counting = {
    txt: async (name: string) => {
      asked.push(name)
      return dns.txt(name)
    },
  }
  const found = await check(mail, { most: 3, first: 'first.test', dns: counting })
  assert.deepEqual(
    found.map(({ domain, result }) => `${domain} ${result}`),
    ['first.test pass', 'd19.test permerror', 'd18.test permerror'],
  )
  assert.equal(asked.length, 3)
})

test('two signatures of one mail, RSA and Ed25519, both pass', async () => {
  const mail = await signed(await signed(MAIL, { key: rsa }), { key: ed, selector: 'ed' })
  assert.deepEqual(
    (await check(mail)).map(({ result, algorithm }) => `${result} ${algorithm}`),
    ['pass ed25519-sha256', 'pass rsa-sha256'],
  )
})

describe('the example of RFC 8463 §A.3', { skip }, () => {
  test('both signatures pass', async () => {
    const text = readFileSync(join(folder!, 'dkim/mimekit/rfc8463-example.msg'), 'latin1').replace(/\r?\n/g, '\r\n')
    const zone = new Map([
      [
        'brisbane._domainkey.football.example.com',
        'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
      ],
      [
        'test._domainkey.football.example.com',
        'v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB',
      ],
    ])
    const found = await check(Buffer.from(text, 'latin1'), { dns: { txt: async name => [zone.get(name) ?? ''] } })
    assert.deepEqual(found.map(({ result, selector }) => `${selector} ${result}`).sort(), [
      'brisbane pass',
      'test pass',
    ])
  })
})

/** Why a message that once passed must not pass now. Which it is, is read off the message itself. */
const OF_THE_PAST: readonly (readonly [string, RegExp])[] = [
  ['DomainKeys (RFC 4870), which is historic', /^$/],
  ['a draft from before RFC 4871, without v=1', /v= is not 1/],
  ['rsa-sha1, which RFC 8301 §3.1 forbids', /rsa-sha1 proves nothing/],
]

describe('the messages of Mail::DKIM', { skip }, () => {
  const place = folder === undefined ? '' : join(folder, 'dkim/perl-mail-dkim')
  let server: DnsServer
  let parts: Pick<DkimParts, 'dns'>
  before(async () => {
    server = await startDnsServer(zonesOf(readFileSync(join(place, 'FAKE_DNS.dat'), 'latin1')))
    parts = { dns: patientResolver(server) }
  })
  after(() => server.close())

  const rows = folder === undefined ? '' : readFileSync(join(place, 'expected_verifier.tsv'), 'utf8')
  for (const [file, wanted] of rows
    .trim()
    .split('\n')
    .slice(1)
    .map(row => row.split('\t') as [string, string]))
    test(`${file}: ${wanted}`, async t => {
      const text = readFileSync(join(place, 'corpus', file), 'latin1').replace(/\r?\n/g, '\r\n')
      const found = await check(Buffer.from(text, 'latin1'), { ...parts, now: 0 })
      const passes = found.some(({ result }) => result === 'pass')
      if (wanted !== 'pass' || passes) return assert.equal(passes, wanted === 'pass')
      const whys = found.map(({ why }) => why).join('\n')
      const reason = OF_THE_PAST.find(([, form]) => form.test(whys))?.[0]
      assert.ok(reason !== undefined, whys)
      t.diagnostic(`not a pass today: ${reason}`)
    })
})

function zonesOf(text: string): Record<string, ZoneEntry> {
  const rows = text.split('\n').filter(row => row !== '' && !row.startsWith('#'))
  return Object.fromEntries(
    rows.map(row => {
      const [name = ''] = row.split(/\s/, 1)
      const value = row.slice(name.length).trim()
      if (value === 'NXDOMAIN') return [name, { fails: 'nxdomain' as const }]
      return [name, value.startsWith('~~') ? { fails: 'servfail' as const } : { txt: [value] }]
    }),
  )
}

test('a key that a stranger chose to be long is not reckoned with', async () => {
  const long = rsaKey(4352)
  records.set('long._domainkey.first.test', recordOf(long))
  assert.match(await only(await signed(MAIL, { key: long, selector: 'long' })), /^policy .*longer than we reckon with/)
})
