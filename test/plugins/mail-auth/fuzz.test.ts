/** Records and fields made of whatever breaks readers: they are read or refused, never a throw, and a check of them has an end. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { checkSignatures } from '../../../core/api/index.js'
import { digestMessage, readDkimSignature, scanHeader } from '../../../core/text/index.js'
import { ownResults } from '../../../plugins/arc/results.js'
import { authorOf } from '../../../plugins/mail-auth/dmarc/author.js'
import { checkDmarc, findPolicies } from '../../../plugins/mail-auth/dmarc/check.js'
import { resultsField } from '../../../plugins/mail-auth/results.js'
import { checkHost } from '../../../plugins/mail-auth/spf/check.js'
import { mutate, mutations } from '../../harness/mutate.js'
import { oneByOne, recordOf, rsaKey, signed } from '../../harness/signed-mail.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 200)
const { signal } = new AbortController()

const term = fc.constantFrom(
  ...[
    'a',
    'mx',
    'ptr',
    'all',
    '-all',
    '~all',
    'include:a.test',
    'include:b.test',
    'exists:%{i}.a.test',
    'ip4:192.0.2.0/24',
  ],
  ...[
    'ip6:::1/0',
    'ip6:fe80::1%eth0',
    'a//0',
    'mx/0',
    'a:%{s6r+-}.test',
    'redirect=b.test',
    'exp=%{p}.test',
    'x=%{',
    'a:',
  ],
  ...[
    '%{d}',
    '%%',
    '%-',
    '=',
    ':',
    '/',
    '//',
    '\u00e9',
    '\t',
    '%{l0}',
    'ptr:%{h}',
    'a:..test',
    `a:${'x'.repeat(300)}.test`,
  ],
)
const record = fc
  .tuple(fc.array(term, { maxLength: 15 }), fc.constantFrom(' ', '  ', ''))
  .map(([terms, gap]) => `v=spf1 ${terms.join(gap || ' ')}`)

describe('readers of strangers', () => {
  test('SPF of any records ends, in one of the results there are', async () => {
    const zone = fc.record({ own: record, a: record, b: record, local: fc.string(), helo: fc.string() })
    await fc.assert(
      fc.asyncProperty(zone, fc.boolean(), async ({ own, a, b, local, helo }, six) => {
        const texts = new Map([
          ['own.test', own],
          ['a.test', a],
          ['b.test', b],
        ])
        const dns = {
          txt: async (name: string) => (texts.has(name) ? [texts.get(name)!] : ['text']),
          a: async () => ['192.0.2.1', '198.51.100.1'],
          aaaa: async () => ['2001:db8::1'],
          mx: async () => [{ preference: 1, exchange: 'a.test' }],
          ptr: async () => ['h.a.test'],
        }
        const explain = { receiver: 'mx.test', now: 0 }
        const question = { ip: six ? '2001:db8::1' : '192.0.2.1', domain: 'own.test', local, helo }
        const { result, questions } = await checkHost(question, { dns, signal, explain })
        assert.match(result, /^(none|pass|neutral|softfail|fail|temperror|permerror)$/)
        assert.ok(questions <= 150, `${questions}`)
      }),
      { numRuns },
    )
  })

  test('a signed mail of which octets were changed never passes with another From, subject or body', async () => {
    const key = rsaKey()
    const dns = { txt: async () => [recordOf(key)] }
    const mail = await signed(Buffer.from('From: a@first.test\r\nSubject: one\r\n\r\nhello world\r\n'), { key })
    const seen = (octets: Buffer) => {
      const { fields, bodyStart } = scanHeader(octets)
      const of = (name: string) =>
        fields.filter(one => one.name.toLowerCase() === name).map(({ raw }) => raw.replace(/[ \t]+/g, ' ').trim())
      const body = octets
        .toString('latin1', bodyStart)
        .replace(/[ \t]+/g, ' ')
        .replace(/ (?=\r\n|$)/g, '')
        .replace(/(?:\r\n)*$/, '')
      return JSON.stringify([of('from'), of('subject'), body])
    }
    const wanted = seen(mail)
    await fc.assert(
      fc.asyncProperty(mutations, async changes => {
        const changed = mutate(mail, changes)
        const found = await checkSignatures(wanted => digestMessage(oneByOne(changed), wanted), {
          ...{ dns, signal, now: 0, most: 8, first: undefined },
        })
        if (found.some(({ result }) => result === 'pass')) assert.equal(seen(changed), wanted)
      }),
      { numRuns },
    )
  })

  test('any signature field is read or refused, and what is said of it can be read back', async () => {
    const tag = fc.tuple(
      fc.constantFrom('v', 'a', 'b', 'bh', 'd', 's', 'h', 'c', 'i', 'l', 'q', 't', 'x', ''),
      fc.string(),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(tag), fc.string(), async (tags, from) => {
        const octets = Buffer.from(
          `DKIM-Signature: ${tags.map(([name, value]) => `${name}=${value}`).join(';')}\r\n\r\n`,
        )
        const [field] = scanHeader(octets).fields
        if (field === undefined) return
        const { label } = readDkimSignature(field, octets)
        const none = async () => []
        const dns = { txt: async () => [from], a: none, aaaa: none, mx: none }
        const author = authorOf([from])
        const policies = await findPolicies(author, { dns, signal })
        const dmarc = await checkDmarc({ from: author, policies, spf: undefined, dkim: [], id: from }, { dns, signal })
        const dkim = [{ ...label, result: 'fail' as const, why: from }]
        const text = resultsField('mx.test', { dkim, dmarc, vouching: [], questions: 0 }, { local: from, domain: from })
        assert.equal(
          ownResults(`Authentication-Results: ${text}\r\n`, 'mx.test').payload.replace(/\s+/g, ' '),
          text.replace(/\s+/g, ' ').trim(),
        )
      }),
      { numRuns },
    )
  })
})
