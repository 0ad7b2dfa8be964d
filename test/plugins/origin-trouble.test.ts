/**
 * All that asks where a mail comes from, on one mail, under every trouble that the name service can have, in all of it or in one part: nobody is refused,
 * the sum of points is never higher than with no answer at all, and questions and waits are bounded. The answers behind the trouble are those of an
 * honest sender, so whatever counts against him comes of the trouble.
 */
import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { before, describe, test } from 'node:test'
import type { AuthFacts, Contribution, Finding, Plugin } from '../../core/api/index.js'
import { reverseName } from '../../core/dns/reverse.js'
import { messageOf } from '../../core/storage/message.js'
import { setUp } from '../../core/testing/index.js'
import { digestMessage, foldField, writeDkimRecord } from '../../core/text/index.js'
import arc from '../../plugins/arc/index.js'
import { sealFields } from '../../plugins/arc/seal.js'
import dnsbl from '../../plugins/dnsbl/index.js'
import helo from '../../plugins/helo/index.js'
import lookAlikes from '../../plugins/look-alikes/index.js'
import mailAuth from '../../plugins/mail-auth/index.js'
import origin from '../../plugins/origin/index.js'
import reverseDns from '../../plugins/reverse-dns/index.js'
import senderDomain from '../../plugins/sender-domain/index.js'
import { type DnsServer, startDnsServer, type ZoneEntry, type Zones } from '../harness/dns-server.js'
import { patientResolver } from '../harness/patient-resolver.js'
import { ALICE, anEnvelope, aSession } from '../harness/session.js'
import { rsaKey, signed } from '../harness/signed-mail.js'

const IP = '44.0.0.9'
const key = rsaKey()
const record = writeDkimRecord(key)

/** An honest sender. */
const HONEST: Zones = {
  'first.test': { txt: ['v=spf1 a:mx.first.test -all'], mx: [[10, 'mx.first.test']] },
  'mx.first.test': { a: [IP], txt: ['v=spf1 a -all'] },
  '9.0.0.44.in-addr.arpa': { ptr: ['mx.first.test'] },
  '_dmarc.first.test': { txt: ['v=DMARC1; p=reject; sp=reject; np=reject'] },
  's1._domainkey.first.test': { txt: [record] },
  's1._domainkey.sealer.test': { txt: [record] },
}

/** What of it has trouble. */
const PARTS: Readonly<Record<string, (name: string) => boolean>> = {
  everything: () => true,
  'its SPF record': name => name === 'first.test' || name === 'mx.first.test',
  'its addresses': name => name === 'mx.first.test' || name.endsWith('.arpa'),
  'its policy': name => name.startsWith('_dmarc.'),
  'its keys': name => name.includes('._domainkey.'),
  'the lists': name => name.endsWith('.list.test'),
}

const chain = (length: number): Zones =>
  Object.fromEntries(Array.from({ length }, (_, i) => [`c${i}.chain.test`, { cname: `c${i + 1}.chain.test` }]))

const TROUBLES: Readonly<Record<string, ZoneEntry>> = {
  'no answer': { fails: 'drop' },
  servfail: { fails: 'servfail' },
  refused: { fails: 'refused' },
  garbage: { fails: 'garbage' },
  'a referral': { fails: 'lame' },
  'truncated answers': { fails: 'truncated' },
  'answers with another id': { fails: 'wrong-id' },
  'answers to another question': { fails: 'wrong-name' },
  'aliases in a circle': { cname: 'circle.test' },
  'a chain of forty aliases': { cname: 'c0.chain.test' },
  'thousands of records': { fails: 'thousands' },
  'a text of 60 KB': { fails: 'huge', failsFor: ['TXT'] },
  'addresses of a captive network for all that is not there': { a: ['10.0.0.1'] },
  'records of other names among the answers': {
    poison: {
      'other.test': {
        a: ['127.0.0.2'],
        aaaa: ['2001:db8::1'],
        mx: [[0, '']],
        txt: ['v=spf1 -all', 'v=DMARC1; p=none; sp=none; np=none', 'v=DKIM1; p='],
        ptr: ['liar.test'],
      },
    },
  },
  'an answer that is late': { txt: ['late'], a: ['127.0.0.2'], delayMs: 60_000 },
}

/** Troubles of a server as a whole: one that offers recursion otherwise would be believed in its referrals. */
const WHOLE = new Set(['a referral', 'addresses of a captive network for all that is not there'])

/** Questions that one mail may cost, at most. */
const MOST_QUESTIONS = 300
const LISTS = [
  { zone: 'bad.list.test', check: false },
  { zone: 'names.list.test', holds: 'domains', names: 'both', check: false },
  { zone: 'emails.list.test', holds: 'emails', check: false },
  { zone: 'urls.list.test', holds: 'urls', check: false },
]
const plugins = (within: string): readonly (readonly [Plugin, object])[] => [
  [mailAuth as unknown as Plugin, { within, enforce: 'reject' }],
  [arc as unknown as Plugin, {}],
  [dnsbl as unknown as Plugin, { lists: LISTS, reject_at: 1, within }],
  [reverseDns as unknown as Plugin, { require: 'confirmed', within }],
  [helo as unknown as Plugin, { rules: { unknown_name: 'reject' }, within }],
  [senderDomain as unknown as Plugin, { within }],
  [origin as unknown as Plugin, {}],
  [lookAlikes as unknown as Plugin, {}],
]

const PLAIN = Buffer.from(
  'From: Carol <carol@first.test>\r\nReply-To: sales@other.test\r\nSubject: hello\r\n\r\nsee http://shop.other.test/x?y=1 or ask dave@third.test\r\n',
)
/** What lists are asked for about it. */
const LISTED = [
  '9.0.0.44.bad',
  'first.test.names',
  'mx.first.test.names',
  'shop.other.test.names',
  'other.test.names',
].map(label => `${label}.list.test`)
/** Nothing comes however long one waits. */
const SILENCE_MS = 40
const mails = new Map<string, Buffer>([['with SPF alone', PLAIN]])
before(async () => {
  const one = await signed(PLAIN, { key })
  mails.set('signed', one).set('sealed by somebody', await sealed(one))
})

async function sealed(mail: Buffer): Promise<Buffer> {
  const digest = await digestMessage(
    (async function* () {
      yield mail
    })(),
    () => ['relaxed'],
  )
  const by = {
    ...{ domain: 'sealer.test', selector: 's1', algorithm: 'rsa-sha256' as const, signatureBytes: 128 },
    sign: async (octets: Buffer) => sign('sha256', octets, key),
  }
  const wish = {
    digest,
    before: [],
    instance: 1,
    cv: 'none',
    key: by,
    now: Date.now(),
    results: 'x.test; none',
  } as const
  const fields = await sealFields(wish)
  return Buffer.concat([...fields.map(({ name, value }) => Buffer.from(foldField(name, value))), mail])
}

interface Seen {
  readonly objections: readonly string[]
  readonly findings: readonly Finding[]
  readonly auth: AuthFacts
  readonly questions: number
}

/** A mail of the honest sender, before all plugins. */
async function comeIn(mail: Buffer, server: DnsServer): Promise<Seen> {
  const dns = patientResolver(server, SILENCE_MS)
  const sets = await Promise.all(
    plugins('20s').map(([plugin, config]) =>
      setUp(plugin, { config, dns, services: { 'signing-keys': { inUse: async () => [] } } as never }),
    ),
  )
  const reverse = reverseName(dns, IP)
  const session = aSession({ remote: { address: IP, port: 1 }, helo: 'mx.first.test', reverse: () => reverse })
  const envelope = anEnvelope({ sender: { local: 'carol', domain: 'first.test' } })
  const seen = await Promise.all(
    sets.map(async ({ hooks, call }) => {
      const asked = { session, envelope, message: messageOf(mail), recipient: { address: ALICE, dsn: { notify: [] } } }
      const early = {
        connect: await hooks.connect?.({ session }, call),
        helo: await hooks.helo?.({ session, name: session.helo! }, call),
        mail: await hooks.mail?.({ session, envelope }, call),
        rcpt: await hooks.rcpt?.(asked, call),
      }
      const findings = [(await hooks.score?.(asked, call)) ?? []].flat()
      const verdict = { findings, sum: 0 }
      const late = { message: await hooks.message?.({ ...asked, verdict } as never, call) }
      await hooks.headers?.({ ...asked, verdict } as never, call)
      const said = Object.entries({ ...early, ...late }).filter(
        ([, answer]) => answer !== undefined && answer?.kind !== 'label',
      )
      return { findings, objections: said.map(([moment, answer]) => `${moment} ${answer!.kind}`), asked, call }
    }),
  )
  const { asked, call } = seen[0]!
  const auth = (await (sets[0]!.contribution as Contribution).services!['mail-auth']!.found(asked, call))!
  await Promise.all(sets.map(({ end }) => end()))
  return {
    objections: seen.flatMap(({ objections }) => objections),
    findings: seen.flatMap(({ findings }) => findings),
    ...{ auth, questions: server.asked.length },
  }
}

const sumOf = ({ findings }: Seen) => findings.reduce((total, { points }) => total + points, 0)

const sums = new Map<string, Promise<number>>()

/** Points of a mail when nobody answers anything. */
function unanswered(kind: string): Promise<number> {
  const there = sums.get(kind)
  if (there !== undefined) return there
  const sum = startDnsServer({ '*': { fails: 'drop' } }).then(async server => {
    const seen = await comeIn(mails.get(kind)!, server)
    await server.close()
    return sumOf(seen)
  })
  sums.set(kind, sum)
  return sum
}

const shown = ({ objections, findings }: Seen) =>
  [...objections, ...findings.map(({ name, says }) => `${name}: ${says}`)].join('\n')

test('without trouble the sender is who he says', async () => {
  const server = await startDnsServer(HONEST)
  const seen = await comeIn(mails.get('signed')!, server)
  await server.close()
  assert.ok(seen.objections.length === 0 && sumOf(seen) <= (await unanswered('signed')), shown(seen))
  assert.equal(`${seen.auth.mailFrom?.result} ${seen.auth.dkim[0]?.result} ${seen.auth.dmarc.result}`, 'pass pass pass')
  assert.equal(seen.auth.iprev?.result, 'pass')
})

for (const [trouble, entry] of Object.entries(TROUBLES))
  describe(`with ${trouble}`, { concurrency: 4 }, () => {
    for (const [part, hits] of Object.entries(PARTS).slice(0, WHOLE.has(trouble) ? 1 : undefined))
      for (const kind of mails.size === 0 ? [] : ['with SPF alone', 'signed', 'sealed by somebody'])
        test(`about ${part}, a mail ${kind} costs its sender nothing`, async () => {
          const names = [...Object.keys(HONEST), ...LISTED].filter(hits)
          const lies = 'poison' in entry
          const bad = Object.fromEntries(
            names.map(name => [name, 'failsFor' in entry || lies ? { ...HONEST[name], ...entry } : entry]),
          )
          const all = { ...HONEST, ...bad, ...chain(40), 'circle.test': { cname: 'circle.test' } }
          const captive = trouble.startsWith('addresses of')
          const server = await startDnsServer(
            captive ? { '*': entry, ...HONEST } : part === 'everything' ? { ...all, '*': entry } : all,
          )
          const seen = await comeIn(mails.get(kind)!, server)
          await server.close()
          assert.ok(sumOf(seen) <= (await unanswered(kind)) && seen.objections.length === 0, shown(seen))
          assert.ok(seen.questions <= MOST_QUESTIONS, `${seen.questions} questions`)
          // What is true is heard beside it.
          if (lies) assert.equal(`${seen.auth.mailFrom?.result} ${seen.auth.dmarc.result}`, 'pass pass')
          else if (part === 'everything' && !captive) assert.equal(seen.auth.dmarc.result, 'temperror')
        })
  })
