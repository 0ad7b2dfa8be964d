/** Seals of ours before verifiers of others, chains that come in, and chains that are not whole. */
import assert from 'node:assert/strict'
import { verify } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MailError } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import { digestMessage, foldField, readDkimRecord, scanHeader } from '../../../core/text/index.js'
import { readChain } from '../../../plugins/arc/chain.js'
import arc from '../../../plugins/arc/index.js'
import { ownResults } from '../../../plugins/arc/results.js'
import { sealFields } from '../../../plugins/arc/seal.js'
import { sealInput } from '../../../plugins/arc/seal-input.js'
import { ARC_VERIFIERS } from '../../harness/arc-verifiers.js'
import { mutate, mutations } from '../../harness/mutate.js'
import { arrived, byMailauth, dns, ed, field, MAIL, records, rsa, sealed, US } from './sealed.js'

describe('a seal of ours', () => {
  for (const { name, missing, verify } of ARC_VERIFIERS) {
    test(`is good for ${name}, alone and on top of its own kind`, { skip: missing }, async () => {
      const once = await sealed(MAIL)
      const twice = await sealed(once)
      const thrice = await sealed(twice, { prefix: 'Received: from x by y\r\n' })
      assert.deepEqual(await verify([MAIL, once, twice, thrice], records), ['none', 'pass', 'pass', 'pass'])
    })

    test(`is good for ${name} on top of a chain of somebody else`, { skip: missing }, async () => {
      const mail = await sealed(await byMailauth(MAIL, 1))
      assert.deepEqual(
        field(mail, 'ARC-Seal').map(raw => /cv=(\w+)/.exec(raw)![1]),
        ['pass', 'none'],
      )
      assert.deepEqual(await verify([mail], records), ['pass'])
    })

    test(`is broken for ${name} by a change of body or header`, { skip: missing }, async () => {
      const text = (await sealed(MAIL)).toString()
      const changed = [text.replace('you?', 'we?'), text.replace('hello', 'hullo'), `Subject: more\r\n${text}`]
      assert.deepEqual(
        await verify(
          changed.map(one => Buffer.from(one)),
          records,
        ),
        ['fail', 'fail', 'fail'],
      )
    })
  }

  test('says what we found out ourselves, and nothing of what others say in our name further down', async () => {
    const prefix = `Authentication-Results: ${US}; spf=pass (a; b) smtp.mailfrom=x\r\nReceived: x\r\nAuthentication-Results: ${US}; dkim=fail\r\nAuthentication-Results: other.test; dmarc=pass\r\n`
    const forged = Buffer.concat([Buffer.from(`Authentication-Results: ${US}; dmarc=pass\r\n`), MAIL])
    const mail = await sealed(forged, { prefix })
    assert.deepEqual(field(mail, 'ARC-Authentication-Results'), [
      `i=1; ${US}; spf=pass (a; b) smtp.mailfrom=x; dkim=fail`,
    ])
  })

  test('says `none` where nothing was found out', async () => {
    assert.deepEqual(field(await sealed(MAIL), 'ARC-Authentication-Results'), [`i=1; ${US}; none`])
  })

  test('is made with RSA, which everybody can check, or not at all', async () => {
    assert.match(field(await sealed(MAIL, { keys: [ed.key, rsa.key] }), 'ARC-Seal')[0]!, /a=rsa-sha256/)
    assert.deepEqual(await sealed(MAIL, { keys: [ed.key] }), MAIL)
  })

  test('of others is good for us with Ed25519 too', async () => {
    const digest = await digestMessage([MAIL] as never, () => ['relaxed'])
    const facts = { before: [], instance: 1, cv: 'none', results: 'x.test; none', now: Date.now() } as const
    const fields = await sealFields({ ...facts, digest, key: ed.key })
    const head = fields.map(({ name, value }) => Buffer.from(foldField(name, value)))
    assert.equal(await arrived(Buffer.concat([...head, MAIL])), `${US}; arc=pass`)
  })

  test('covers neither results nor fields of ARC', async () => {
    const mail = await sealed(await sealed(MAIL, { prefix: `Authentication-Results: ${US}; spf=pass\r\n` }))
    for (const raw of field(mail, 'ARC-Message-Signature')) {
      const names = /h=([^;]*)/.exec(raw)![1]!.toLowerCase()
      assert.doesNotMatch(names, /arc-|authentication-results|received/)
      assert.match(names, /dkim-signature/)
    }
  })

  for (const submitter of ['local', 'authenticated', 'trusted'] as const)
    test(`is not made for mail that is ${submitter}, unless everything is sealed`, async () => {
      assert.deepEqual(await sealed(MAIL, { submitter }), MAIL)
      assert.equal(field(await sealed(MAIL, { submitter, config: { all: true } }), 'ARC-Seal').length, 1)
    })

  test('is left out without a key, and when a key cannot be used; the mail goes on', async () => {
    assert.deepEqual(await sealed(MAIL, { keys: [] }), MAIL)
  })
})

describe('a chain that has failed', () => {
  test('is sealed with cv=fail over the new set alone, and that is the end of it', async () => {
    const broken = Buffer.from((await byMailauth(MAIL, 1)).toString().replace('you?', 'we?'))
    const mail = await sealed(broken)
    const [seal] = field(mail, 'ARC-Seal')
    assert.match(seal!, /i=2; .*cv=fail/)
    assert.match(
      field(mail, 'ARC-Authentication-Results')[0]!,
      /arc=fail \(message signature 1: the body is another one\)/,
    )
    // some say that it has failed, some that there is none
    for (const { missing, verify: look } of ARC_VERIFIERS)
      if (missing === false) assert.notEqual((await look([mail], records))[0], 'pass')
    const [results, signature, top] = ['ARC-Authentication-Results', 'ARC-Message-Signature', 'ARC-Seal'].map(name => {
      const { start, end } = scanHeader(mail).fields.find(one => one.name === name)!
      return mail.toString('latin1', start, end)
    }) as [string, string, string]
    const input = sealInput([{ results, signature, seal: top }])
    const key = readDkimRecord(records.get('r1._domainkey.example.test')!)
    const signed = Buffer.from(/b=([^;]*)$/.exec(seal!)![1]!, 'base64')
    assert.ok(key.kind === 'key' && verify('sha256', input, key.key, signed))
    assert.deepEqual(await sealed(mail), mail)
  })

  test('was found to have failed when it came: that stands, whatever could be found now', async () => {
    const good = await byMailauth(MAIL, 1)
    const mail = await sealed(good, { prefix: `Authentication-Results: ${US}; arc=fail (x)\r\n` })
    assert.match(field(mail, 'ARC-Seal')[0]!, /cv=fail/)
  })

  const set = (i: number, cv: string, more = '') =>
    `ARC-Seal: i=${i}; a=rsa-sha256; d=x.test; s=s; cv=${cv}; b=AA${more}\r\nARC-Message-Signature: i=${i}; a=rsa-sha256; d=x.test; s=s; h=from; bh=x; b=AA\r\nARC-Authentication-Results: i=${i}; x.test; none\r\n`
  for (const [what, text, wanted] of [
    ['a gap', set(3, 'pass') + set(1, 'none'), /set 2 is not whole/],
    ['an instance twice', set(1, 'none') + set(1, 'none'), /two fields ARC-Seal of instance 1/],
    ['a part missing', 'ARC-Seal: i=1; cv=none; b=\r\n', /set 1 is not whole/],
    ['a first seal that says pass', set(1, 'pass'), /seal of set 1 says cv=pass/],
    ['a second seal that says none', set(2, 'none') + set(1, 'none'), /seal of set 2 says cv=none/],
    ['a newest seal that says fail', set(2, 'fail') + set(1, 'none'), /seal of set 2 says cv=fail/],
    ['h= in a seal', set(1, 'none', '; h=from'), /seal of set 1 has h=/],
    ['an instance of 51', set(51, 'pass'), /cannot be read/],
    ['an instance of 0', set(0, 'none'), /cannot be read/],
    ['no instance', 'ARC-Seal: cv=none\r\n', /cannot be read/],
    [
      'two hundred sets',
      Array.from({ length: 200 }, (_, i) => set(i + 1, i === 0 ? 'none' : 'pass')).join(''),
      /cannot be read/,
    ],
    ['a field of a megabyte', `ARC-Seal: i=1; b=${'A'.repeat(1_000_000)}\r\n`, /cannot be read/],
  ] as const)
    test(`has ${what}`, () => {
      const octets = Buffer.from(`${text}From: a@x.test\r\n\r\n`)
      const chain = readChain({ octets, fields: scanHeader(octets).fields })
      assert.equal(chain.kind, 'broken')
      assert.match(chain.why, wanted)
    })

  test('of fifty sets is full: nothing is added', async () => {
    const text = Array.from({ length: 50 }, (_, i) => set(50 - i, i === 49 ? 'none' : 'pass')).join('')
    const mail = Buffer.concat([Buffer.from(text), MAIL])
    assert.deepEqual(await sealed(mail), mail)
  })
})

describe('a chain that comes in', () => {
  test('is good, broken or not there', async () => {
    const good = await byMailauth(MAIL, 1)
    assert.equal(await arrived(MAIL), undefined)
    assert.equal(await arrived(good), `${US}; arc=pass`)
    assert.match(
      (await arrived(Buffer.from(good.toString().replace('hello', 'hullo'))))!,
      /arc=fail \(message signature 1: the signature is wrong\)/,
    )
    const results = Buffer.from(good.toString().replace('spf=pass', 'spf=fail'))
    assert.match((await arrived(results))!, /arc=fail \(seal 1: the signature is wrong\)/)
  })

  for (const [what, change, wanted] of [
    ['whose key is not published', () => [], /its key is not published/],
    ['whose key was taken back', () => ['v=DKIM1; p='], /its key was taken back/],
    ['with several records', () => ['a', 'b'], /several records/],
    ['with a record that is none', () => ['hello'], /its record is broken/],
  ] as const)
    test(`${what} has failed`, async () => {
      const good = await byMailauth(MAIL, 1)
      assert.match((await arrived(good, { dns: { configured: true, txt: async () => change() } }))!, wanted)
    })

  test('cannot be checked now: nothing is said, and what goes on waits for the name service, but not for ever', async () => {
    const down = { configured: true, txt: () => Promise.reject(new MailError('dns-unavailable', 'SERVFAIL')) }
    const good = await byMailauth(MAIL, 1)
    assert.equal(await arrived(good, { dns: down }), undefined)
    await assert.rejects(sealed(good, { dns: down }), /SERVFAIL/)
    assert.match(field(await sealed(good, { dns: down, tries: 3 }), 'ARC-Seal')[0]!, /cv=fail/)
  })

  test('is told to other plugins while it is whole: who sealed, and what each of them saw', async () => {
    const twice = await sealed(await byMailauth(MAIL, 1), {
      prefix: `Authentication-Results: ${US}; dmarc=pass (a;b)\r\n`,
    })
    const made = await setUp(arc, {
      services: { 'signing-keys': { inUse: async () => [] } },
      dns,
      server: { name: US },
    })
    const whole = (text: string) => {
      const message = aMessage(text.replaceAll('\r\n', '\n'))
      const asked = { session: aSession(), envelope: anEnvelope(), message }
      return made.contribution.services!['arc-chains']!.whole(asked, made.call)
    }
    assert.deepEqual(await whole(twice.toString()), [
      { sealer: 'first.test', results: ['spf=pass'] },
      { sealer: 'example.test', results: ['dmarc=pass (a;b)', 'arc=pass'] },
    ])
    assert.equal(await whole(twice.toString().replace('hello', 'hullo')), undefined)
    assert.equal(await whole(MAIL.toString()), undefined)
  })

  test('is not looked at where there is no name service, nor from those we trust', async () => {
    const good = await byMailauth(MAIL, 1)
    assert.equal(await arrived(good, { dns: { configured: false } }), undefined)
    assert.equal(await arrived(good, { trusted: true }), undefined)
    assert.deepEqual(await sealed(good, { dns: { configured: false } }), good)
  })

  test('asks for a key once, and for no more keys than there are sets', async () => {
    let asked = 0
    const counting = {
      configured: true,
      txt: async (name: string) => {
        asked += 1
        return records.has(name) ? [records.get(name)!] : []
      },
    }
    let mail = await byMailauth(MAIL, 1)
    for (let i = 0; i < 4; i++) mail = await sealed(mail)
    assert.equal(await arrived(mail, { dns: counting }), `${US}; arc=pass`)
    assert.equal(asked, 2)
  })

  test('breaks no bound and throws nothing, whatever becomes of it', async () => {
    const good = await sealed(await byMailauth(MAIL, 1))
    await fc.assert(
      fc.asyncProperty(mutations, async changes => {
        const said = await arrived(mutate(good, changes))
        assert.match(said ?? 'arc=none', /arc=(pass|fail|none)/)
      }),
      { numRuns: 200 },
    )
  })
})

test('our own results are read whole: semicolons in comments and quotes are none', () => {
  const prefix = `Authentication-Results: ${US}; spf=pass (a;b) x="c;d"; arc=pass (i=1)\r\n`
  assert.deepEqual(ownResults(prefix, US), { payload: `${US}; spf=pass (a;b) x="c;d"; arc=pass (i=1)`, arc: 'pass' })
})
