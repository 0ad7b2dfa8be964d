/**
 * Messages that others publish with their expected results (Rspamd, SpamAssassin, MimeKit, mailauth), through the whole plugin; their records are served
 * by our test DNS. Where a key was never published with its message, what can be known without it is checked.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { messageOf } from '../../../core/storage/message.js'
import { anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import { CanonicalBody, type CanonicalForm, readTagList, scanHeader, withoutSpace } from '../../../core/text/index.js'
import arc from '../../../plugins/arc/index.js'
import mailAuth from '../../../plugins/mail-auth/index.js'
import { dataDir } from '../../harness/data.js'
import { type DnsServer, startDnsServer } from '../../harness/dns-server.js'
import { patientResolver } from '../../harness/patient-resolver.js'
import { PUBLISHED } from './published-records.js'

const folder = dataDir('auth')
const skip = folder === undefined && 'needs shared/data'

let server: DnsServer
before(async () => {
  server = await startDnsServer(PUBLISHED)
})
after(() => server.close())

function octetsOf(path: string): Buffer {
  return Buffer.from(readFileSync(join(folder!, path), 'latin1').replace(/\r?\n/g, '\r\n'), 'latin1')
}

function resolver() {
  return patientResolver(server)
}

interface Came {
  readonly ip?: string
  readonly from?: string
}

async function facts(path: string, { ip = '198.51.100.1', from }: Came = {}) {
  const made = await setUp(mailAuth, { dns: resolver(), now: () => 0 })
  const at = from?.lastIndexOf('@') ?? -1
  const sender = from === undefined ? null : { local: from.slice(0, at), domain: from.slice(at + 1) }
  const asked = {
    session: aSession({
      helo: 'client.test',
      remote: { address: ip, port: 1 },
      reverse: async () => ({ kind: 'none' }),
    }),
    envelope: anEnvelope({ sender }),
    message: messageOf(octetsOf(path)),
  }
  return (await made.contribution.services!['mail-auth']!.found(asked, made.call))!
}

/** What Rspamd says in words of its own: `allow`, `softfail` (p=none) … */
const RSPAMD: readonly (readonly [string, string, Came, string])[] = [
  ['pass_none', 'DKIM passes', {}, 'pass none'],
  ['fail_none', 'SPF passes', { ip: '8.8.4.4', from: 'foo@spf.cacophony.za.org' }, 'pass none'],
  ['fail_none', 'nothing passes', {}, 'fail none'],
  ['fail_reject', 'nothing passes', { from: 'foo@example.net' }, 'fail reject'],
  ['fail_quarantine', 'nothing passes', { from: 'foo@example.net' }, 'fail quarantine'],
  ['subdomain_fail_none', 'sp=none', {}, 'fail none'],
  ['subdomain_fail_reject', 'sp=reject', {}, 'fail reject'],
  ['subdomain_fail_quarantine', 'sp=quarantine', {}, 'fail quarantine'],
  ['onsubdomain_fail_alignment', 'DKIM of the organisation, adkim=s', {}, 'fail reject'],
  ['onsubdomain_pass_relaxed', 'DKIM of the organisation', {}, 'pass none'],
  ['onsubdomain_fail_alignment', 'SPF, aspf=s', { ip: '37.48.67.26', from: 'foo@yo.mom.za.org' }, 'pass none'],
  [
    'onsubdomain_fail_alignment',
    'SPF of the organisation, aspf=s',
    { ip: '37.48.67.26', from: 'foo@mom.za.org' },
    'fail reject',
  ],
  ['onsubdomain_fail', 'SPF of the organisation', { ip: '37.48.67.26', from: 'foo@mom.za.org' }, 'pass none'],
  ['dmarc_tmpfail', 'no answer', { ip: '37.48.67.26', from: 'foo@mom.za.org' }, 'temperror none'],
  ['pct_none', 'pct=0 of reject', { ip: '37.48.67.26', from: 'foo@mom.za.org' }, 'fail quarantine'],
  ['pct_none1', 'pct=0 of sp=quarantine', { ip: '37.48.67.26', from: 'foo@mom.za.org' }, 'fail none'],
]

describe('messages of Rspamd', { skip }, () => {
  for (const [file, what, came, wanted] of RSPAMD)
    test(`DMARC of ${file}, ${what}: ${wanted}`, async () => {
      const { dmarc } = await facts(`dmarc/rspamd-messages/${file}.eml`, came)
      assert.equal(`${dmarc.result} ${dmarc.disposition}`, wanted, dmarc.why)
    })

  for (const [file, wanted] of [
    ['bad_dkim1', 'permerror'],
    ['bad_dkim2', 'permerror'],
    ['bad_dkim3', 'temperror'],
    ['dkim_unknown_tags', 'pass'],
    ['good_dkim_highsecure', 'pass'],
    ['bad_dkim_highsecure', 'fail'],
    ['good_dkim_rspamd', 'pass'],
    ['bad_dkim_rspamd', 'fail'],
  ] as const)
    test(`DKIM of ${file}: ${wanted}`, async () => {
      const { dkim } = await facts(`dmarc/rspamd-messages/${file}.eml`)
      const results = dkim.map(({ result, why }) => `${result} ${why}`)
      assert.ok(results.length > 0 && results.every(result => result.startsWith(wanted)), results.join('\n'))
    })
})

describe('messages of SpamAssassin for DMARC', { skip }, () => {
  for (const [file, ip, wanted] of [
    ['noneok', '64.142.3.173', 'pass none'],
    ['quarok', '64.142.3.173', 'pass none'],
    ['rejectok', '64.142.3.173', 'pass none'],
    ['strictrejectok', '64.142.3.173', 'pass none'],
    ['noneko', '2607:f8b0:4864:20::432', 'fail none'],
    ['quarko', '2607:f8b0:4864:20::432', 'fail quarantine'],
    ['rejectko', '2607:f8b0:4864:20::432', 'fail reject'],
    ['strictrejectko', '1.2.3.4', 'fail reject'],
    ['nodmarc', '65.214.43.157', 'none none'],
  ] as const)
    test(`${file}: ${wanted}`, async () => {
      const path = `dmarc/spamassassin/dmarc/${file}.eml`
      const from = /^Return-Path: <(.*?)>/m.exec(octetsOf(path).toString('latin1'))![1]!
      const { dmarc } = await facts(path, { ip, from })
      assert.equal(`${dmarc.result} ${dmarc.disposition}`, wanted, dmarc.why)
    })
})

describe('messages of MimeKit', { skip }, () => {
  before(() => {
    const key = readFileSync(join(folder!, 'dkim/mimekit/gmail.pub'), 'latin1').replace(/-----.*?-----|\s/g, '')
    server.set('20120113._domainkey.gmail.com', { txt: [`k=rsa; p=${key}`] })
  })
  for (const file of ['gmail', 'multipart-no-end-boundary', 'related'])
    test(`${file} was signed by Gmail`, async () => {
      const [found] = (await facts(`dkim/mimekit/${file}.msg`)).dkim
      assert.equal(found!.result, 'pass', found!.why)
    })
})

describe('messages of mailauth with chains of Gmail', { skip }, () => {
  for (const [file, wanted] of [
    ['arc-pass', 'pass'],
    ['arc-pass2', 'pass'],
    ['authtest', 'pass'],
    ['bimi', 'pass'],
    ['message3', 'pass'],
    ['zbimi', 'pass'],
    ['arc-fail', 'fail'],
    ['arc-fail2', 'fail'],
    ['arc-fail3', 'fail'],
  ] as const)
    test(`${file}: ${wanted}`, async () => {
      const services = { 'signing-keys': { inUse: async () => [] } }
      const { hooks, call } = await setUp(arc, { services, dns: resolver(), server: { name: 'us.test' } })
      const message = messageOf(octetsOf(`dkim/mailauth-fixtures/${file}.eml`))
      const asked = { session: aSession(), envelope: anEnvelope(), message, verdict: { findings: [], sum: 0 } }
      const said = (await hooks.headers!(asked, call)) as { readonly value: string }
      assert.match(said.value, new RegExp(`; arc=${wanted}\\b`))
    })
})

/** Their keys were in the name service alone, and are gone; the body's hash needs none. */
describe('messages whose keys are gone', { skip }, () => {
  const places = ['dkim/spamassassin', 'dkim/mailauth-fixtures']
  const files =
    folder === undefined ? [] : places.flatMap(at => readdirSync(join(folder, at)).map(one => `${at}/${one}`))
  for (const path of files.filter(one =>
    /(test-pass-.*|arc-pass2?|authtest|bimi|message[24]|zproov)\.(msg|eml)$/.test(one),
  ))
    test(`${path}: the body is the one that was signed`, () => {
      const octets = octetsOf(path)
      const { fields, bodyStart } = scanHeader(octets)
      const signatures = fields.filter(({ name }) => name.toLowerCase() === 'dkim-signature')
      assert.ok(signatures.length > 0)
      for (const { raw } of signatures) {
        const tags = readTagList(raw)!
        const form = (tags.get('c') ?? 'simple/simple').split('/')[1] ?? 'simple'
        const body = octets.subarray(bodyStart)
        const algorithm = tags.get('a')!.endsWith('sha1') ? 'sha1' : 'sha256'
        assert.equal(hashOf(body, form as CanonicalForm, algorithm), withoutSpace(tags.get('bh')!))
      }
    })

  for (const path of files.filter(one => /test-(fail|adsp)-.*\.msg$/.test(one)))
    test(`${path}: no pass`, async () => {
      const { dkim } = await facts(path)
      assert.ok(dkim.every(({ result }) => result !== 'pass'))
    })
})

function hashOf(octets: Buffer, form: CanonicalForm, algorithm: string): string {
  const hash = createHash(algorithm)
  const body = new CanonicalBody(form, piece => hash.update(piece))
  body.update(octets)
  body.end()
  return hash.digest('base64')
}
