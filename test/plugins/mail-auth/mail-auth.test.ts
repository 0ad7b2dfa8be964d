/** The plugin as a whole, with a name service of ours: results, findings, facts, and the policies of others where the admin follows them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ArcChains, Finding, NewField, Resolver, Session } from '../../../core/api/index.js'
import { MailError } from '../../../core/api/index.js'
import { aCall } from '../../../core/testing/context.js'
import { aMessage, anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import { type LogLine, rememberingLog } from '../../../core/testing/log.js'
import { ownResults } from '../../../plugins/arc/results.js'
import mailAuth from '../../../plugins/mail-auth/index.js'

const TXT = new Map<string, string>([
  ['first.test', 'v=spf1 ip4:192.0.2.1 -all'],
  ['mx.first.test', 'v=spf1 a -all'],
  ['list.test', 'v=spf1 ip4:192.0.2.1 -all'],
  ['none.test', 'v=spf1 -all'],
  ['_dmarc.first.test', 'v=DMARC1; p=reject'],
  ['_dmarc.soft.test', 'v=DMARC1; p=quarantine'],
  ['soft.test', 'v=spf1 ~all'],
])

const dns: Partial<Resolver> = {
  configured: true,
  txt: async name => (TXT.has(name) ? [TXT.get(name)!] : []),
  a: async name => (name === 'mx.first.test' ? ['192.0.2.1'] : []),
  aaaa: async () => [],
  mx: async () => [],
  ptr: async () => [],
}
const broken: Partial<Resolver> = Object.fromEntries(
  ['txt', 'a', 'aaaa', 'mx', 'ptr'].map(type => [type, () => Promise.reject(new MailError('dns-unavailable', type))]),
)

interface Wish {
  readonly from?: string
  readonly sender?: string | null
  readonly ip?: string
  readonly config?: object
  readonly dns?: Partial<Resolver>
  readonly session?: Partial<Session>
  readonly to?: string
  readonly chain?: ArcChains
  readonly text?: string
}

async function asked(wish: Wish) {
  const { from = 'carol@first.test', sender = 'carol@first.test', ip = '192.0.2.1', to = 'alice' } = wish
  const made = await setUp(mailAuth, {
    config: wish.config ?? {},
    dns: { ...dns, ...wish.dns },
    services: wish.chain === undefined ? {} : { 'arc-chains': wish.chain },
  })
  const [local = '', domain = ''] = sender?.split('@') ?? []
  const recipient = { address: { local: to, domain: 'example.test' }, dsn: { notify: [] } }
  const all = {
    session: aSession({
      ...{ helo: 'mx.first.test', remote: { address: ip, port: 1 } },
      reverse: async () => ({ kind: 'confirmed', name: 'mx.first.test' }),
      ...wish.session,
    }),
    envelope: anEnvelope({ sender: sender === null ? null : { local, domain } }),
    message: aMessage(wish.text ?? `From: ${from}\nSubject: x\n\nhello\n`),
    verdict: { findings: [], sum: 0 },
    recipient,
  }
  const { hooks, call, contribution } = made
  return {
    field: ((await hooks.headers!(all, call)) as NewField | undefined)?.value,
    findings: ([(await hooks.score!(all, call)) ?? []].flat() as Finding[]).map(({ name }) => name),
    answer: await hooks.message!(all, call),
    facts: await contribution.services!['mail-auth']!.found(all, call),
  }
}

test('what is right is said, and is no evidence against anybody', async () => {
  const { field, findings, answer, facts } = await asked({})
  assert.equal(
    field,
    'mail.example.test; iprev=pass (mx.first.test) policy.iprev=192.0.2.1; spf=pass smtp.helo=mx.first.test; ' +
      'spf=pass smtp.mailfrom=carol@first.test; dkim=none; dmarc=pass (p=reject dis=none) header.from=first.test',
  )
  assert.deepEqual([findings, answer], [[], undefined])
  assert.deepEqual(facts?.vouching, ['first.test'])
})

test('forged mail fails, and costs points but is not refused', async () => {
  const { field, findings, answer } = await asked({ ip: '203.0.113.9' })
  assert.match(field!, /; spf=fail \(first\.test has .*; dmarc=fail \(p=reject dis=reject\) header\.from=first\.test$/)
  assert.deepEqual([findings, answer], [['dmarc-reject', 'spf-fail', 'helo-fail'], undefined])
})

test('the null sender is checked by HELO', async () => {
  const { field, facts } = await asked({ sender: null, from: 'mailer-daemon@mx.first.test' })
  assert.doesNotMatch(field!, /smtp\.mailfrom/)
  assert.equal(facts?.dmarc.result, 'pass')
})

test('trouble with the name service is temperror and no evidence', async () => {
  const { field, findings, answer } = await asked({ dns: broken, ip: '203.0.113.9', config: { enforce: 'reject' } })
  assert.match(field!, /spf=temperror .*; spf=temperror .*; dkim=none; dmarc=temperror /)
  assert.deepEqual([findings, answer], [[], undefined])
})

test('a name service that never answers costs the budget and nothing more', async () => {
  const silent = (_: string, signal?: AbortSignal) =>
    new Promise<never>((_resolve, reject) => {
      const stop = () => reject(new MailError('dns-unavailable', 'stopped'))
      if (signal?.aborted) stop()
      signal?.addEventListener('abort', stop, { once: true })
    })
  const deaf = Object.fromEntries(['txt', 'a', 'aaaa', 'mx', 'ptr'].map(type => [type, silent]))
  const session = { reverse: () => new Promise<never>(() => undefined) }
  const { field, findings } = await asked({ dns: deaf, session, config: { within: '50ms', enforce: 'reject' } })
  assert.match(field!, /iprev=temperror .*spf=temperror .*dmarc=temperror/)
  assert.deepEqual(findings, [])
})

for (const [what, session] of [
  ['who has logged in', { account: { login: 'alice', addresses: [] } as never }],
  ['trusted networks', { trusted: true }],
  ['LMTP', { protocol: 'lmtp' }],
] as const)
  test(`mail of ${what} is not checked`, async () => {
    assert.deepEqual(await asked({ session }), { field: undefined, findings: [], answer: undefined, facts: undefined })
  })

test('without a name service nothing is said', async () => {
  assert.equal((await asked({ dns: { configured: false } })).field, undefined)
})

test('a From that nobody can be sure of is evidence', async () => {
  const { findings, field } = await asked({ text: 'From: a@first.test\nFrom: b@evil.test\n\nx\n' })
  assert.deepEqual(findings, ['from-unclear'])
  assert.match(field!, /; dmarc=permerror \(there are 2 From fields\)$/)
})

test('points are those of config, and 0 leaves a finding out', async () => {
  const { findings } = await asked({ ip: '203.0.113.9', config: { points: { dmarc_reject: 0, spf_fail: 0 } } })
  assert.deepEqual(findings, ['helo-fail'])
})

describe('policies of others', () => {
  const forged = { ip: '203.0.113.9', sender: 'x@none.test' }
  const kind = async (wish: Wish) => (((await asked({ ...forged, ...wish })).answer ?? {}) as { kind?: string }).kind

  for (const [enforce, from, wanted] of [
    ['off', 'carol@first.test', undefined],
    ['quarantine', 'carol@first.test', 'quarantine'],
    ['reject', 'carol@first.test', 'reject'],
    ['reject', 'carol@soft.test', 'quarantine'],
    ['reject', 'carol@nothing.test', undefined],
  ] as const)
    test(`enforce: ${enforce} and From ${from}: ${wanted ?? 'nothing'}`, async () =>
      assert.equal(await kind({ from, config: { enforce } }), wanted))

  test('the refusal says which domain asks for it, and how an admin allows it', async () => {
    const { answer } = await asked({ ...forged, config: { enforce: 'reject' } })
    const { code, status, text, because } = answer as { code: number; status: string; text: string; because: object }
    assert.deepEqual([code, status], [550, '5.7.26'])
    assert.match(text, /^first\.test asks to refuse/)
    assert.match(JSON.stringify(because), /dmarc-reject.*forwarders/)
  })

  test('postmaster can be written to', async () =>
    assert.equal(await kind({ to: 'Postmaster', config: { enforce: 'reject' } }), undefined))

  test('not for a list that is known and shows who it is', async () => {
    const list = {
      ip: '192.0.2.1',
      sender: 'bounces@list.test',
      config: { enforce: 'reject', forwarders: ['list.test'] },
    }
    assert.equal(await kind(list), undefined)
    assert.equal(await kind({ ...list, config: { enforce: 'reject' } }), 'reject')
    assert.equal(await kind({ ...list, ip: '203.0.113.9' }), 'reject')
  })

  const seen = ['spf=pass', 'dmarc=pass header.from=first.test']
  for (const [what, sealers, results, wanted] of [
    ['a trusted sealer saw it pass', ['list.test'], seen, undefined],
    ['a trusted sealer saw it fail', ['list.test'], ['dmarc=fail header.from=first.test'], 'reject'],
    ['a trusted sealer saw another domain pass', ['list.test'], ['dmarc=pass header.from=evil.test'], 'reject'],
    ['a stranger wrote it into quotes', ['list.test'], ['spf=pass smtp.mailfrom="a;dmarc=pass"'], 'reject'],
    ['another sealer is in the chain', ['list.test', 'evil.test'], seen, 'reject'],
    ['there is no whole chain', undefined, seen, 'reject'],
  ] as const)
    test(`ARC, ${what}: ${wanted ?? 'no policy'}`, async () => {
      const whole = async () => sealers?.map(sealer => ({ sealer, results }))
      const config = { enforce: 'reject', trusted_sealers: ['list.test'] }
      assert.equal(await kind({ config, chain: { whole } }), wanted)
    })
})

describe('for reports, what was done and why it was less than asked for:', () => {
  const forged = { ip: '203.0.113.9', sender: 'x@none.test' }
  const LIST = { ip: '192.0.2.1', sender: 'bounces@list.test' }
  for (const [what, wish, applied, kinds] of [
    ['enforce is off', forged, 'none', ['local_policy']],
    ['enforce is milder', { ...forged, config: { enforce: 'quarantine' } }, 'quarantine', ['local_policy']],
    ['as asked for', { ...forged, config: { enforce: 'reject' } }, 'reject', undefined],
    ['a forwarder', { ...LIST, config: { enforce: 'reject', forwarders: ['list.test'] } }, undefined, ['trusted_forwarder']],
    ['it passes', {}, undefined, undefined],
  ] as const)
    test(what, async () => {
      const { facts } = await asked(wish)
      assert.deepEqual([facts?.dmarc.applied, facts?.dmarc.overrides?.map(({ kind }) => kind)], [applied, kinds])
    }) // biome-ignore format: a table
})

test('what a stranger chose cannot end a result or begin one, and a seal reads what we wrote', async () => {
  const text =
    'From: "x; dmarc=pass" <a@first.test>\nDKIM-Signature: v=1; a=rsa-sha256; d=e.test; s=a"b; h=from; b=a/"(;bh=x\n\nx\n'
  const { field } = await asked({ text, sender: 'a";spf=pass@none.test', session: { helo: 'x(y.test' } })
  const { payload } = ownResults(`Authentication-Results: ${field}\r\n`, 'mail.example.test')
  assert.equal(payload, field)
  assert.equal((field!.match(/;\s*spf=/g) ?? []).length, 1)
  assert.doesNotMatch(field!, /pass smtp/)
})

test('whoever asks first, what was found stands in the log under our own name', async () => {
  const lines: LogLine[] = []
  const { contribution } = await setUp(mailAuth, { dns, log: rememberingLog(lines, { plugin: 'mail-auth' }) })
  const asked = {
    session: aSession({ id: 's1', helo: 'mx.first.test', remote: { address: '192.0.2.1', port: 1 } }),
    envelope: anEnvelope(),
    message: aMessage('From: carol@first.test\n\nhello\n'),
  }
  const call = aCall({ log: rememberingLog(lines, { plugin: 'reputation', id: 's1' }) })
  await contribution.services!['mail-auth']!.found(asked, call)
  assert.deepEqual(
    lines.map(({ facts, sentence }) => [facts.plugin, facts.id, sentence]),
    [['mail-auth', 's1', 'origin checked']],
  )
})
