/** Whatever stands in header and links: nothing is thrown, and what is told is fit for a log line. POSTHOUSE_FUZZ_RUNS makes it longer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { messageOf } from '../../../core/storage/message.js'
import { CONFIG } from '../../../plugins/look-alikes/config.js'
import { findingsFrom } from '../../../plugins/look-alikes/findings.js'
import { oddHost } from '../../../plugins/look-alikes/hosts.js'
import { judge } from '../../../plugins/look-alikes/judge.js'
import { world } from './world.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 300)
const properties = CONFIG.properties.points.properties
const points = Object.fromEntries(
  Object.entries(properties).map(([name, { default: normal }]) => [name, normal]),
) as Parameters<typeof findingsFrom>[1]

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    ...[
      'paypal',
      'posthouse',
      '.test',
      '.com',
      'xn--',
      'xn--80ak6aa92e',
      '@',
      '"',
      '<',
      '>',
      '-',
      '.',
      '\u202e',
      '\u200b',
      'а',
      'I',
      '1',
      'rn',
    ],
  ),
  fc.constantFrom(
    ...['=?utf-8?B?', '?=', '\uff0e', '\u3002', '[', ']', ':', '%', '//', 'Maria Director', ', ', '\ud800'],
  ),
)
const text = fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join(''))

test('any header, any link', async () => {
  await fc.assert(
    fc.asyncProperty(text, text, text, text, fc.boolean(), async (name, domain, href, shown, known) => {
      const mail = `From: ${name} <x@${domain}>\r\nReply-To: ${domain}\r\nContent-Type: text/html\r\n\r\n<a href="http://${href}">${shown}</a> http://${domain}/`
      const sender = { local: name, domain }
      const vouching = known ? [domain] : []
      const auth = {
        dkim: [],
        vouching,
        questions: 0,
        dmarc: { result: 'none', domain: '', disposition: 'none', why: '' },
      } as const
      const facts = await judge({ message: messageOf(Buffer.from(mail)), sender, auth }, world)
      for (const { says, points: weight } of findingsFrom(facts, points, false)) {
        assert.doesNotMatch(says, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u)
        assert.ok(says.length < 1200 && weight < 5, says)
      }
    }),
    { numRuns },
  )
})

test('any host', () => {
  fc.assert(
    fc.property(text, text, (host, written) => oddHost(host, world.names, written)?.says !== ''),
    { numRuns },
  )
})
