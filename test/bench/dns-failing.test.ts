/**
 * A name service that fails says nothing against a mail, nor for it: with every way of failing, verdicts over honest mail and spam are those of a house that
 * has no name service. The plugins are all that ask it about mail that comes in.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Site } from '../../bench/filter/site.js'
import { type Mail, viewOf } from '../../bench/filter/view.js'
import { inventMails, readLetters } from '../../plugins/learning/invented.js'
import { type DnsServer, startDnsServer, TROUBLES, type ZoneEntry } from '../harness/dns-server.js'
import { ROOT } from '../harness/shared.js'

const PLUGINS = [
  { use: 'store-lmdb' },
  { use: 'reverse-dns', with: { require: 'name', answer: 'score' } },
  { use: 'helo' },
  { use: 'sender-domain' },
  {
    use: 'dnsbl',
    with: {
      lists: [
        { zone: 'listed.test', weight: 4 },
        { zone: 'links.test', holds: 'domains', weight: 4 },
      ],
    },
  },
  { use: 'bounces' },
  { use: 'mail-auth' },
  { use: 'origin' },
  { use: 'look-alikes' },
  { use: 'reputation' },
  { use: 'spam-rules' },
  { use: 'learning' },
  { use: 'spam-action' },
]
/** A name server that is not there in time is given up soon: how long is not what this is about. */
const PATIENCE = { timeout: '100ms', tries: 1 }

/** A dozen of each, of as many kinds. */
function mails(): readonly (Mail & { readonly isHonest: boolean })[] {
  const honest = readdirSync(join(ROOT, 'test/honest')).filter(name => name.endsWith('.eml'))
  const some = honest.filter((_, at) => at % 8 === 0).map(name => readFileSync(join(ROOT, 'test/honest', name)))
  const letters = readLetters(readFileSync(join(ROOT, 'rules/models/invented/spam.txt'), 'utf8'), 'spam')
  const spam = inventMails(
    letters.filter((_, at) => at % 4 === 0),
    1,
  ).map(({ octets }) =>
    Buffer.concat([
      Buffer.from(
        'Received: from mail.sender.example ([192.0.2.77]) by mx.example.org; Tue, 14 May 2024 10:12:14 +0000\r\n',
      ),
      octets,
    ]),
  )
  return [...some, ...spam].map((octets, at) => ({ ...viewOf(octets, 'full'), isHonest: at < some.length }))
}

const WAYS: readonly (readonly [string, ZoneEntry])[] = [
  ...TROUBLES.map(fails => [fails, { fails }] as const),
  ['slower than anybody waits', { a: ['127.0.0.2'], delayMs: 1000 }],
  ['a captive answer to everything', { a: ['198.51.100.1'] }],
]

describe('with a name service that fails', () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-dns-failing-'))
  const asked = mails()
  let absent: readonly number[] = []
  // Waiting for an answer keeps no process alive.
  const alive = setInterval(() => undefined, 1000)

  const sums = async (name: string, dns?: Record<string, unknown>) => {
    const site = await Site.open({ folder: join(folder, name), plugins: PLUGINS, ...(dns && { dns }) })
    const found = []
    for (const mail of asked) found.push(await site.judge(mail))
    await site.close()
    return found
  }

  before(async () => {
    absent = (await sums('absent')).map(({ sum }) => sum)
  })
  after(async () => {
    clearInterval(alive)
    await rm(folder, { recursive: true, force: true })
  })

  for (const [at, [way, entry]] of WAYS.entries()) {
    test(`no verdict is worse: ${way}`, async () => {
      const server: DnsServer = await startDnsServer({ '*': entry })
      const found = await sums(`way-${at}`, { servers: [server.address], ...PATIENCE })
      await server.close()
      assert.ok(server.asked.length > 0, 'nobody has asked')
      for (const [i, { sum, findings }] of found.entries()) {
        const told = findings.map(({ name, points, says }) => `${name} ${points} ${says}`).join('\n')
        const isWorse = asked[i]!.isHonest ? sum > absent[i]! : sum < absent[i]!
        assert.ok(!isWorse, `mail ${i}: ${sum}, without a name service ${absent[i]}\n${told}`)
      }
    })
  }
})
