/** Reports about mail to us: what is kept, what is refused, and what the commands make of it. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { dkimSign } from 'mailauth/lib/dkim/sign.js'
import { type Call, MailError, type Outcome } from '../../../core/api/index.js'
import { aServer } from '../../../core/testing/asked.js'
import { aCall, aContext, noDns } from '../../../core/testing/context.js'
import tlsRpt from '../../../plugins/tls-rpt/index.js'
import { makeJob } from '../mx/rig.js'

const DAY_MS = 86_400_000

interface Wish {
  readonly id?: string
  readonly domain?: string
  readonly organization?: string
  readonly contact?: string
  readonly day?: string
}

function mailWith(wish: Wish): Buffer {
  const { id = 'r1', domain = 'us.test', organization = 'Them', contact = 'tls@them.test', day = '2026-11-20' } = wish
  const report = {
    'organization-name': organization,
    'date-range': { 'start-datetime': `${day}T00:00:00Z`, 'end-datetime': `${day}T23:59:59Z` },
    'contact-info': contact,
    'report-id': id,
    policies: [
      {
        policy: {
          'policy-type': 'sts',
          'policy-string': ['version: STSv1'],
          'policy-domain': domain,
          'mx-host': 'mx.us.test',
        },
        summary: { 'total-successful-session-count': 5, 'total-failure-session-count': 2 },
        'failure-details': [
          { 'result-type': 'certificate-expired', 'failed-session-count': 2, 'receiving-mx-hostname': 'mx.us.test' },
        ],
      },
    ],
  }
  const head =
    'From: tls@them.test\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n'
  return Buffer.from(`${head}${gzipSync(JSON.stringify(report)).toString('base64')}\r\n`)
}

async function makeInbox(
  unsigned: 'keep' | 'refuse' = 'keep',
  records?: Readonly<Record<string, readonly string[] | 'trouble'>>,
) {
  const time = { now: Date.parse('2026-11-21T12:00:00Z') }
  const server = { ...aServer(), name: 'mail.us.test', domains: new Set(['us.test']), relayDomains: new Set<string>() }
  const config = { send: false, spread: '4h', allow_private: false, receive: ['RUA@us.test'], keep: '60d', unsigned }
  const dns = {
    ...noDns,
    configured: records !== undefined,
    txt: async (name: string) => {
      const texts = records?.[name] ?? []
      if (texts === 'trouble') throw new MailError('dns-unavailable', name)
      return texts
    },
  }
  const context = aContext(config, { server, dns, clock: { now: () => time.now } })
  const { targets, hooks, commands } = await tlsRpt.setup(context)
  const target = targets?.['tls-rpt']
  assert.ok(target !== undefined)
  return {
    time,
    hooks,
    async take(bytes: Buffer, detail = {}): Promise<Outcome> {
      const [outcome, ...more] = await target.deliver(
        makeJob(['rua@us.test'], { bytes, detail: { from: 'a@them.test', ...detail } }),
        aCall(),
      )
      assert.ok(outcome !== undefined && more.length === 0)
      return outcome
    },
    async say(name: string, args: readonly string[] = [], json = false) {
      const command = commands?.find(one => one.name === `tls-rpt ${name}`)
      assert.ok(command !== undefined)
      const lines: string[] = []
      const print = (line: string) => void lines.push(line)
      await command.run({ args, options: {}, json, print, warn: print, stdin: async () => '' })
      return lines.join('\n')
    },
  }
}

describe('a report that comes in', () => {
  test('is kept, and shown by day, domain and reporter', async () => {
    const { take, say } = await makeInbox()
    assert.equal((await take(mailWith({}))).kind, 'delivered')
    assert.equal(
      (await take(mailWith({ id: 'r2', domain: 'MX.us.test', organization: 'Others', day: '2026-11-19' }))).kind,
      'delivered',
    )
    assert.equal(
      await say('ls'),
      '2026-11-20  us.test  sts  5 good, 2 bad  (certificate-expired)  by Them, not signed\n' +
        '2026-11-19  mx.us.test  sts  5 good, 2 bad  (certificate-expired)  by Others, not signed',
    )
    assert.equal(
      await say('show', ['US.test']),
      '2026-11-20  sts: 5 good, 2 bad\n  by Them (tls@them.test), report r1, not signed\n  policy: version: STSv1\n' +
        '  2 × certificate-expired at mx.us.test',
    )
    const [shown] = JSON.parse(await say('ls', [], true)) as { domain: string; by: { sender: string } }[]
    assert.deepEqual([shown?.domain, shown?.by.sender], ['us.test', 'a@them.test'])
    await assert.rejects(say('show', ['x.test']), /no report speaks of x\.test/)
  })

  test('twice is kept once', async () => {
    const { take, say } = await makeInbox()
    for (const _ of [1, 2]) await take(mailWith({}))
    assert.equal((await say('ls')).split('\n').length, 1)
  })

  test('is forgotten after its time', async () => {
    const { take, say, time } = await makeInbox()
    await take(mailWith({}))
    time.now += 61 * DAY_MS
    assert.equal(await say('ls'), 'no report has come in')
  })

  for (const [what, bytes, why] of [
    ['speaks of somebody else', mailWith({ domain: 'them.test' }), /not about a domain of ours/],
    ['speaks of somebody whose name ends like ours', mailWith({ domain: 'notus.test' }), /not about a domain of ours/],
    ['is none', Buffer.from('Subject: x\r\n\r\ny\r\n'), /there is no report in it/],
    ['is larger than any report', Buffer.alloc(15_000_001, 65), /message is too large/],
  ] as const)
    test(`and ${what} is refused`, async () => {
      const { take, say } = await makeInbox()
      const outcome = await take(bytes)
      assert.ok(outcome.kind === 'failed' && outcome.status === '5.6.0', JSON.stringify(outcome))
      assert.match(outcome.text, why)
      assert.equal(await say('ls'), 'no report has come in')
    })

  test('under the name and id of another reporter is kept beside theirs', async () => {
    const { take, say } = await makeInbox()
    for (const contact of ['tls@them.test', 'tls@other.test']) await take(mailWith({ contact }))
    assert.equal((await say('ls')).split('\n').length, 2)
  })

  test('after very many others of the day by the same reporter is put off, whatever host it names', async () => {
    const { take } = await makeInbox()
    for (let i = 0; i < 2000; i += 1) await take(mailWith({ id: `m${i}`, contact: `tls@h${i % 5}.them.test` }))
    assert.equal((await take(mailWith({}))).kind, 'deferred')
    assert.equal((await take(mailWith({ contact: 'tls@other.test' }))).kind, 'delivered')
    assert.equal((await take(Buffer.from('x'))).kind, 'failed')
  })
})

describe('a report is taken from who has signed it:', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const KEY = [`v=DKIM1; k=rsa; s=tlsrpt; p=${spki}`]
  const plain = mailWith({})

  async function signed(domain: string, more: object = {}): Promise<Buffer> {
    const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const signatureData = [{ signingDomain: domain, selector: 's', privateKey: pem, ...more }]
    const { signatures } = await dkimSign(plain, { signTime: new Date(), signatureData } as never)
    return Buffer.concat([Buffer.from(signatures), plain])
  }

  const at = (domain: string, record: readonly string[] | 'trouble' = KEY) => ({ [`s._domainkey.${domain}`]: record })

  for (const [what, mail, records, kind, why] of [
    ['by the domain of its contact', signed('them.test'), at('them.test'), 'delivered', undefined],
    ['by a domain below that', signed('mail.them.test'), at('mail.them.test'), 'delivered', undefined],
    ['not by nobody', Promise.resolve(plain), {}, 'failed', /not signed/],
    ['not by somebody else', signed('other.test'), at('other.test'), 'failed', /no valid signature of them\.test/],
    ['not by a domain that ends alike', signed('notthem.test'), at('notthem.test'), 'failed', /no valid signature/],
    ['not by a key that is not there', signed('them.test'), {}, 'failed', /no valid signature/],
    ['not of the beginning alone', signed('them.test', { maxBodyLength: 10 }), at('them.test'), 'failed', /no valid signature/],
    ['later, when the name service answers', signed('them.test'), at('them.test', 'trouble'), 'deferred', /cannot be checked now/],
    ['later, when there is a name service', signed('them.test'), undefined, 'deferred', /no name service/],
    ['not by a hundred', signed('them.test').then(mail => Buffer.concat([Buffer.from('DKIM-Signature: v=1\r\n'.repeat(100)), mail])), at('them.test'), 'failed', /too many signatures/],
  ] as const)
    test(what, async () => {
      const { take } = await makeInbox('refuse', records)
      const outcome = await take(await mail)
      assert.equal(outcome.kind, kind, JSON.stringify(outcome))
      if (why !== undefined) assert.match('text' in outcome ? outcome.text : '', why)
    }) // biome-ignore format: a table

  test('or from ourselves, without', async () => {
    const { take } = await makeInbox('refuse', {})
    assert.equal((await take(plain, { own: 'yes' })).kind, 'delivered')
  })

  test('and who that is stands in the list', async () => {
    const { take, say } = await makeInbox('refuse', at('mail.them.test'))
    await take(await signed('mail.them.test'))
    assert.match(await say('ls'), / by Them, signed by mail\.them\.test$/)
  })

  test('what was changed afterwards is not', async () => {
    const { take } = await makeInbox('refuse', at('them.test'))
    const mail = Buffer.from(
      (await signed('them.test')).toString('latin1').replace('From: tls@', 'From: fls@'),
      'latin1',
    )
    assert.equal((await take(mail)).kind, 'failed')
  })
})

test('only mail for the addresses that were named is taken', async () => {
  const { hooks } = await makeInbox()
  const ask = (local: string, domain = 'us.test', protocol = 'smtp') =>
    hooks?.route?.(
      {
        recipient: { address: { local, domain }, dsn: { notify: [] } },
        envelope: { sender: from },
        session: { protocol },
      } as never,
      aCall() satisfies Call,
    )
  const from = { local: 'tls', domain: 'them.test' }
  const to = { local: 'rua', domain: 'us.test' }
  const claim = { kind: 'claim', target: 'tls-rpt', to, sender: null, detail: { from: 'tls@them.test', own: 'no' } }
  assert.deepEqual(await ask('rua'), claim)
  const own = { ...claim, detail: { ...claim.detail, own: 'yes' } }
  assert.deepEqual(await ask('rua', 'us.test', 'internal'), own)
  for (const address of [ask('bob'), ask('rua', 'them.test')]) assert.equal(await address, undefined)
})

test('to send reports without a sender is a fault of the config', async () => {
  const config = { send: true, spread: '4h', allow_private: false, receive: [], keep: '60d', unsigned: 'keep' } as const
  await assert.rejects(async () => tlsRpt.setup(aContext(config)), /reports need a sender/)
})
