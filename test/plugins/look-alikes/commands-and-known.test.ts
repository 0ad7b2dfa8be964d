/** What commands say, and the names of those whom people here write to. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Reputation } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, quietLog, rememberingLog } from '../../../core/testing/index.js'
import { nearKnown } from '../../../plugins/look-alikes/hosts.js'
import { Known } from '../../../plugins/look-alikes/known.js'
import { runCommand } from '../../harness/context.js'
import { plugin } from './world.js'

describe('posthouse look-alikes check', () => {
  const folder = mkdtempSync(join(tmpdir(), 'look-alikes-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'a.eml'), 'From x Mon Jan  1\nFrom: PayPal <x@paypaI.com>\n\nx\n')
  for (const [what, lines] of [
    ['paypaI.com', ['paypaI.com looks like paypal.com: the letter I stands for l.']],
    ['paypal.com', ['Nothing is odd with "paypal.com".']],
    ['PayPal Support', ['The display name "PayPal Support" claims to be PayPal.']],
    ['Alice Example', ['Nothing is odd with "Alice Example".']],
  ] as const)
    test(what, async () =>
      assert.deepEqual(
        (await runCommand((await plugin()).contribution.commands!, 'look-alikes check', [what])).out,
        lines,
      ),
    )

  test('a mail from a file, with what it weighs', async () => {
    const { out } = await runCommand((await plugin()).contribution.commands!, 'look-alikes check', [
      join(folder, 'a.eml'),
    ])
    assert.match(out.join('\n'), /^ {2}3\.5 {2}name-claims-brand: .*\n {2}1\.5 {2}sender-looks-like: /)
  })

  for (const what of ['billing@paypaI.com', 'https://www.paypaI.com/login?x=y', 'http://paypal.com@paypaI.com/'])
    test(`of ${what} the domain is looked at`, async () => {
      const { out } = await runCommand((await plugin()).contribution.commands!, 'look-alikes check', [what])
      assert.match(out.join('\n'), /paypaI\.com looks like paypal\.com/)
    })

  for (const what of [join(folder, 'b.eml'), 'b.eml', folder])
    test(`a file that is none is told: ${what.replace(folder, 'FOLDER')}`, async () => {
      const commands = (await plugin()).contribution.commands!
      await assert.rejects(runCommand(commands, 'look-alikes check', [what]), /no file that can be read/)
    })

  test('--json is data', async () => {
    const run = async (what: string) =>
      JSON.parse(
        (
          await runCommand((await plugin()).contribution.commands!, 'look-alikes check', [what], { json: true })
        ).out.join('\n'),
      )
    assert.equal((await run('paypaI.com')).tricks[0].like, 'paypal.com')
    assert.equal((await run(join(folder, 'a.eml'))).findings.length, 2)
  })
})

describe('whom people here write to', () => {
  const reputation: Reputation = {
    found: async () => undefined,
    writtenTo: async () => ['joinery-miller.example', 'a.gardens.example', 'not a domain'],
  }

  test('has neighbours too, as senders', async () => {
    const known = new Known({
      reputation: () => reputation,
      clock: { now: () => 0 },
      log: quietLog,
      signal: new AbortController().signal,
    })
    assert.equal(known.names(), undefined)
    await known.refresh()
    const odd = nearKnown('joinery-mi11er.example', known.names()!)
    assert.equal(
      odd?.says,
      'joinery-mi11er.example looks like joinery-miller.example: the digit 1 stands for l (people here write to joinery-miller.example)',
    )
    assert.equal(nearKnown('jonery-miller.example', known.names()!)?.trick, 'one-slip')
    for (const honest of [
      'joinery-miller.example',
      'mail.joinery-miller.example',
      'joinery-miller.test',
      'joinery-miller-shop.example',
    ])
      assert.equal(nearKnown(honest, known.names()!), undefined, honest)
  })

  test('is not asked for again and again, and trouble is only logged', async () => {
    let [asks, now] = [0, 0]
    const broken: Reputation = { ...reputation, writtenTo: async () => Promise.reject(new Error(`trouble ${++asks}`)) }
    const log = rememberingLog()
    const known = new Known({
      reputation: () => broken,
      clock: { now: () => now },
      log,
      signal: new AbortController().signal,
    })
    for (let i = 0; i < 5; i++) known.names()
    await known.refresh()
    assert.equal(asks, 1)
    assert.match(JSON.stringify(log.lines), /known domains cannot be read now/)
    now += 3_600_000
    known.names()
    await known.refresh()
    assert.equal(asks, 2)
  })

  for (const [what, services, names] of [
    ['is told of a sender', { reputation }, ['sender-looks-like']],
    ['is missing where nobody tells', {}, []],
  ] as const)
    test(what, async () => {
      const { hooks, call } = await plugin({}, { services })
      const score = async () => {
        const message = aMessage('From: x@joinery-mi11er.example\n\nx')
        const found = await hooks.score!({ session: aSession(), envelope: anEnvelope({ sender: null }), message }, call)
        return [found ?? []].flat().map(({ name }) => name)
      }
      // The first asks for it and does not wait.
      assert.deepEqual(await score(), [])
      for (let turns = 0; turns < 20; turns++) await setImmediate()
      assert.deepEqual(await score(), names)
    })
})
