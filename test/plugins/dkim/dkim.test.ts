/** Who signs what, with which keys, and what happens when one is not there. */
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { JobView, NewField, Resolver, Submitter } from '../../../core/api/index.js'
import { MailError } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/index.js'
import { foldField } from '../../../core/text/header.js'
import { writeDkimRecord } from '../../../core/text/index.js'
import dkim from '../../../plugins/dkim/index.js'
import { makeKey, putKey } from '../../../plugins/dkim/keygen.js'
import { VERIFIERS } from '../../harness/dkim-verifiers.js'

let dataDir: string
const records = new Map<string, string>()

async function addKey(domain: string, selector: string, type: 'rsa' | 'ed25519' = 'ed25519'): Promise<string> {
  const key = await makeKey(type, 1024)
  const path = join(dataDir, 'dkim', domain, `${selector}.pem`)
  await putKey(path, key, dataDir)
  records.set(`${selector}._domainkey.${domain}`, writeDkimRecord(key))
  return path
}

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'posthouse-dkim-'))
  await addKey('us.test', 'e1')
  await addKey('us.test', 'r1', 'rsa')
  await addKey('other.test', 'e1')
})
after(() => rm(dataDir, { recursive: true, force: true }))

interface Case {
  readonly config?: object
  readonly from?: string
  readonly submitter?: Submitter | null
  readonly dns?: Partial<Resolver>
  readonly mail?: string
  readonly logged?: string[]
  readonly now?: () => number
}

const note = (into: string[]) => {
  const log = {
    error: (_: object, sentence: string) => void into.push(`error ${sentence}`),
    warn: (_: object, sentence: string) => void into.push(`warn ${sentence}`),
    info: (_: object, sentence: string) => void into.push(`info ${sentence}`),
    debug: () => undefined,
    child: () => log,
  }
  return log
}

async function sign({
  config,
  from = 'a@us.test',
  submitter = 'authenticated',
  dns,
  mail,
  logged = [],
  now,
}: Case = {}) {
  const made = await setUp(dkim, {
    config: { activate: 'now', ...config },
    server: { dataDir },
    log: note(logged),
    ...(dns === undefined ? {} : { dns }),
    ...(now === undefined ? {} : { now }),
  })
  const octets = Buffer.from(mail ?? `From: ${from}\r\nTo: b@them.test\r\n\r\nhello\r\n`)
  const job = { id: 'x.1', ...(submitter === null ? {} : { submitter }) } as JobView
  const asked = {
    job,
    read: async () => octets,
    async *chunks() {
      yield octets
    },
  }
  const answer = ((await made.hooks.sign!(asked, made.call)) ?? []) as NewField[]
  const mailSigned = Buffer.concat([...answer.map(({ name, value }) => Buffer.from(foldField(name, value))), octets])
  return { answer, mail: mailSigned, by: answer.map(({ value }) => `${tag(value, 's')} ${tag(value, 'd')}`) }
}

function tag(value: string, name: string): string | undefined {
  return new RegExp(`(?:^|; )${name}=([^;]*)`).exec(value)?.[1]
}

const txt = (known: ReadonlyMap<string, string> = records): Partial<Resolver> => ({
  configured: true,
  txt: async name => (known.has(name) ? [known.get(name)!] : []),
})

describe('a signature is made', () => {
  test('by the newest key of each kind of the domain of From, RSA on top', async () => {
    assert.deepEqual((await sign()).by, ['r1 us.test', 'e1 us.test'])
  })

  for (const [from, by] of [
    ['"b, c" <a@US.test>', ['r1 us.test', 'e1 us.test']],
    ['a@deep.below.us.test', ['r1 us.test', 'e1 us.test']],
    ['a@other.test', ['e1 other.test']],
    ['a@strange.test', []],
    ['a@nous.test', []],
    ['group: a@us.test;', ['r1 us.test', 'e1 us.test']],
    ['nobody', []],
  ] as const)
    test(`of From: ${from} by ${by.length === 0 ? 'nobody' : by.join(' and ')}`, async () => {
      assert.deepEqual((await sign({ from })).by, by)
    })

  for (const submitter of ['authenticated', 'trusted', 'local'] as const)
    test(`for mail that is ${submitter}`, async () => {
      assert.equal((await sign({ submitter })).answer.length, 2)
    })

  test('not for mail that only passes through, though its From is ours', async () => {
    assert.deepEqual((await sign({ submitter: null })).answer, [])
  })

  test('for such mail when a rule says so', async () => {
    const rules = [{ from: ['us.test'], submitters: ['others'] }]
    assert.equal((await sign({ submitter: null, config: { rules } })).answer.length, 2)
    assert.equal((await sign({ submitter: null, from: 'a@other.test', config: { rules } })).answer.length, 0)
    assert.equal((await sign({ submitter: 'trusted', config: { rules } })).answer.length, 0)
  })

  test('not for a message with two From fields, or none', async () => {
    const two = 'From: a@us.test\r\nFrom: b@us.test\r\n\r\nhello\r\n'
    assert.deepEqual((await sign({ mail: two, config: { fallback: 'us.test' } })).answer, [])
    assert.deepEqual((await sign({ mail: 'To: a@us.test\r\n\r\n', config: { fallback: 'us.test' } })).answer, [])
  })

  for (const [what, config, from, by] of [
    ['the fallback where there is no key', { fallback: 'other.test' }, 'a@strange.test', ['e1 other.test']],
    ['the fallback where From names no domain', { fallback: 'other.test' }, 'nobody', ['e1 other.test']],
    ['nobody below a domain without `subdomains`', { subdomains: false }, 'a@below.us.test', []],
    ['whom a rule names', { rules: [{ from: ['us.test'], domain: 'other.test' }] }, 'a@us.test', ['e1 other.test']],
    [
      'the keys a rule names',
      { rules: [{ from: ['*.us.test'], selectors: ['e1'], domain: 'us.test' }] },
      'a@x.us.test',
      ['e1 us.test'],
    ],
    ['the first rule that fits', { rules: [{ from: ['us.test'], sign: false }, { from: ['*'] }] }, 'a@us.test', []],
    [
      'a rule for everybody',
      { rules: [{ from: ['*'], domain: 'us.test', selectors: ['r1'] }] },
      'a@x.test',
      ['r1 us.test'],
    ],
    [
      'no rule for what is below',
      { rules: [{ from: ['*.us.test'], sign: false }] },
      'a@us.test',
      ['r1 us.test', 'e1 us.test'],
    ],
  ] as const)
    test(`by ${what}`, async () => {
      assert.deepEqual((await sign({ config, from })).by, by)
    })
})

describe('what is signed', () => {
  test('has no l=, has From and what people read closed against additions, and says when', async () => {
    const { answer } = await sign({ now: () => 1_700_000_000_500, config: { expire: '1d' } })
    const { value } = answer[0]!
    assert.doesNotMatch(value, /l=/)
    assert.equal(tag(value, 't'), '1700000000')
    assert.equal(tag(value, 'x'), '1700086400')
    const names = tag(value, 'h')!.toLowerCase().split(/: ?/)
    for (const name of ['from', 'to']) assert.equal(names.filter(one => one === name).length, 2, name)
    for (const name of ['subject', 'date', 'cc', 'reply-to', 'message-id', 'mime-version', 'content-type'])
      assert.equal(names.filter(one => one === name).length, 1, name)
    assert.ok(!names.includes('received'))
  })

  test('is broken by a field that is added to it, and not by white space', async () => {
    const { mail } = await sign()
    const [mailauth] = VERIFIERS
    const text = mail.toString()
    const states = await mailauth!.verify(
      [
        text,
        `Subject: added\r\n${text}`,
        `From: evil@x.test\r\n${text}`,
        text.replace('To: b', 'To:   b'),
        text.replace('hello', 'hullo'),
      ].map(one => Buffer.from(one)),
      records,
    )
    assert.deepEqual(
      states.map(found => found.every(one => one === true)),
      [true, false, false, true, false],
    )
  })

  test('covers what tells of a report about TLS, and that it may go without', async () => {
    const fields = ['TLS-Report-Domain: them.test', 'TLS-Report-Submitter: us.test', 'TLS-Required: No']
    const { answer } = await sign({ mail: `From: a@us.test\r\n${fields.join('\r\n')}\r\n\r\nhello\r\n` })
    const names = tag(answer[0]!.value, 'h')!
      .toLowerCase()
      .split(/[\s:]+/)
    for (const name of ['tls-report-domain', 'tls-report-submitter', 'tls-required'])
      assert.ok(names.includes(name), `${name} in ${names.join(' ')}`)
  })

  for (const canonicalization of ['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'])
    for (const verifier of VERIFIERS)
      test(`verifies as ${canonicalization} by ${verifier.name}`, { skip: verifier.missing }, async () => {
        const long = `X: ${'long '.repeat(30)}\r\nFrom: A  <a@us.test> \r\nSubject: ${'word '.repeat(14)}\r\n\t y\r\n\r\n a  b \r\n\r\n`
        const { mail } = await sign({ config: { canonicalization, sign: ['X', 'Sender'] }, mail: long })
        const [found] = await verifier.verify([mail], records)
        assert.deepEqual(found!.filter(one => one === true).length, verifier.rsaOnly ? 1 : 2, JSON.stringify(found))
      })

  test('From is signed whatever the config says', async () => {
    await assert.rejects(sign({ config: { oversign: ['To'], sign: ['Date'] } }), /From must be among/)
  })
})

describe('a key that cannot be used', () => {
  const CONFIG = { keys: [{ domain: 'gone.test', selector: 's', file: '/nowhere/key.pem' }] }

  test('keeps mail waiting that it should sign, and no other', async () => {
    const logged: string[] = []
    await assert.rejects(sign({ config: CONFIG, from: 'a@gone.test', logged }), (error: Error) => {
      assert.ok(error instanceof MailError && error.temporary)
      assert.match(error.message, /key s of gone\.test: there is no such file/)
      return true
    })
    assert.ok(logged.includes('error signing key cannot be used'))
    assert.equal((await sign({ config: CONFIG })).answer.length, 2)
  })

  /** Keys of a domain, the oldest first, one of them in trouble: its kind can be told, or cannot. */
  async function withTrouble(domain: string, kinds: readonly ('rsa' | 'ed25519')[], bad: number, known = true) {
    for (const [at, kind] of kinds.entries()) {
      const path = await addKey(domain, `k${at}`, kind)
      if (at === bad && !known) await writeFile(path, 'no key')
      if (at === bad) await chmod(path, known ? 0o644 : 0o600)
      await utimes(path, 1000 + at, 1000 + at)
    }
    return sign({ from: `a@${domain}` }).finally(() => rm(join(dataDir, 'dkim', domain), { recursive: true }))
  }

  for (const [what, domain, kinds, bad, known] of [
    ['with an older one of its kind at hand', 'a1.test', ['rsa', 'rsa'], 1, true],
    ['with one of another kind at hand', 'a2.test', ['rsa', 'ed25519'], 0, true],
    ['of which nobody can tell the kind, with a newer one of one kind', 'a3.test', ['rsa', 'ed25519'], 0, false],
  ] as const)
    test(`keeps mail waiting too ${what}`, async () => {
      await assert.rejects(withTrouble(domain, kinds, bad, known), /cannot sign: key k/)
    })

  for (const [what, domain, kinds, known, by] of [
    ['of its kind', 'b1.test', ['rsa', 'rsa'], true, ['k1']],
    ['of each kind', 'b2.test', ['rsa', 'rsa', 'ed25519'], false, ['k1', 'k2']],
  ] as const)
    test(`keeps no mail waiting that a newer one ${what} signs`, async () => {
      const signed = await withTrouble(domain, kinds, 0, known)
      assert.deepEqual(
        signed.by,
        by.map(selector => `${selector} ${domain}`),
      )
    })

  test('lets mail go unsigned, with a warning, where the config says so', async () => {
    const logged: string[] = []
    assert.deepEqual(
      (await sign({ config: { ...CONFIG, missing: 'unsigned' }, from: 'a@gone.test', logged })).answer,
      [],
    )
    assert.ok(logged.includes('warn mail goes out unsigned'))
  })

  for (const rule of [{ domain: 'none.test' }, { selectors: ['none'] }])
    test(`is one a rule names and nobody has: ${JSON.stringify(rule)}`, async () => {
      await assert.rejects(sign({ config: { rules: [{ from: ['*'], ...rule }] } }), /there is no key/)
    })

  test('is told of to the postmaster when the server starts', async () => {
    const told: string[] = []
    const notifier = { tell: async ({ text }: { readonly text: string }) => told.push(text) > 0 }
    for (const keys of [CONFIG.keys, []]) {
      const { contribution } = await setUp(dkim, { config: { keys }, server: { dataDir }, services: { notifier } })
      contribution.started?.()
    }
    assert.equal(told.length, 1)
    assert.match(told[0]!, /s of gone\.test: there is no such file/)
  })

  test('is missing too where there is only a fallback, and no key of it', async () => {
    await assert.rejects(
      sign({ config: { fallback: 'none.test' }, from: 'a@strange.test' }),
      /there is no key of none\.test/,
    )
  })

  test('stands in the config once', async () => {
    const keys = [...CONFIG.keys, ...CONFIG.keys]
    await assert.rejects(sign({ config: { keys } }), /the key s of gone\.test stands here twice/)
  })

  test('may be read by others, be no key, or be too short: each is said, and nothing of its content', async () => {
    const folder = join(dataDir, 'odd')
    await mkdir(folder)
    const short = (await import('node:crypto')).generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey
    const pem = short.export({ format: 'pem', type: 'pkcs8' })
    for (const [name, content, mode, wanted] of [
      ['open', pem, 0o644, /others may read or write it \(mode 0644\): chmod 600/],
      ['group', pem, 0o660, /mode 0660/],
      ['short', pem, 0o600, /its RSA key has 512 bits/],
      ['text', 'SECRET', 0o600, /there is no private key in it/],
      ['large', 'x'.repeat(70_000), 0o600, /too large/],
    ] as const) {
      const file = join(folder, name)
      await writeFile(file, content)
      await chmod(file, mode)
      const config = { keys: [{ domain: 'odd.test', selector: 's', file }] }
      await assert.rejects(sign({ config, from: 'a@odd.test' }), (error: Error) => {
        assert.match(error.message, wanted)
        assert.doesNotMatch(error.message, /SECRET|PRIVATE/)
        return true
      })
    }
    const config = { keys: [{ domain: 'odd.test', selector: 's', file: folder }] }
    await assert.rejects(sign({ config, from: 'a@odd.test' }), /it is no file/)
  })
})

describe('a key whose time comes', () => {
  test('is used as soon as the name service shows it, and from then on without asking', async () => {
    const known = new Map<string, string>()
    let asked = 0
    let now = Date.now()
    const dns = {
      configured: true,
      txt: async (name: string) => {
        asked += 1
        return known.has(name) ? [known.get(name)!] : []
      },
    }
    const made = await setUp(dkim, { server: { dataDir }, dns, now: () => now })
    const octets = Buffer.from('From: a@other.test\r\n\r\n')
    const by = async () => {
      const asking = {
        job: { id: 'x', submitter: 'local' } as JobView,
        read: async () => octets,
        chunks: async function* () {
          yield octets
        },
      }
      return ((await made.hooks.sign!(asking, made.call)) as NewField[]).length
    }
    assert.equal(await by(), 0)
    known.set('e1._domainkey.other.test', records.get('e1._domainkey.other.test')!)
    assert.equal(await by(), 0)
    assert.equal(asked, 1)
    now += 61_000
    assert.equal(await by(), 1)
    known.clear()
    now += 86_400_000
    assert.equal(await by(), 1)
    assert.equal(asked, 2)
  })

  test('waits while the name service has trouble, or shows another key', async () => {
    const trouble = { configured: true, txt: () => Promise.reject(new Error('SERVFAIL')) }
    assert.equal((await sign({ config: { activate: 'published' }, dns: trouble })).answer.length, 0)
    const others = new Map([
      ['r1._domainkey.us.test', records.get('e1._domainkey.other.test')!],
      ['e1._domainkey.us.test', 'v=DKIM1; p='],
    ])
    assert.equal((await sign({ config: { activate: 'published' }, dns: txt(others) })).answer.length, 0)
  })

  test('takes over from the one before it on its date', async () => {
    await addKey('turn.test', 'old')
    await addKey('turn.test', 'new')
    const keys = [
      { domain: 'turn.test', selector: 'old', active: '2026-01-01' },
      { domain: 'turn.test', selector: 'new', active: '2026-12-01', until: '2027-12-01T00:00:00Z' },
    ]
    const at = async (when: string) =>
      (await sign({ config: { keys }, from: 'a@turn.test', now: () => Date.parse(when) })).by
    assert.deepEqual(await at('2025-12-31'), [])
    assert.deepEqual(await at('2026-11-30T23:59:59Z'), ['old turn.test'])
    assert.deepEqual(await at('2026-12-01'), ['new turn.test'])
    assert.deepEqual(await at('2027-12-02'), ['old turn.test'])
  })
})

test('without a key nothing is read, and nothing signed', async () => {
  const made = await setUp(dkim, { server: { dataDir: join(dataDir, 'empty') } })
  const never = () => assert.fail('the message was read')
  const asked = { job: { id: 'x', submitter: 'local' } as JobView, read: never, chunks: never }
  assert.equal(await made.hooks.sign!(asked as never, made.call), undefined)
})
