/** What a name tells by itself: its traits, and the look of reverse names. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ConfigError } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/origin/index.js'
import { lookOf } from '../../../plugins/origin/reverse-look.js'

const { contribution } = await setUp(plugin, {
  config: { lists: { disposable: { add: ['Bücher.example', '.dotted.example', '*.starred.example'] } } },
})
const origin = contribution.services!.origin!

describe('traits', () => {
  for (const [name, organisation, traits] of [
    ['mail.shop.example.co.uk', 'example.co.uk', []],
    ['Some.Example.ORG.', 'example.org', []],
    ['[192.0.2.7]', '192.0.2.7', ['address']],
    ['[IPv6:2001:db8::1]', '2001:db8::1', ['address']],
    ['192.0.2.7', '192.0.2.7', ['address']],
    ['a.example.nowhere', 'example.nowhere', ['unlisted-ending']],
    ['pot', 'pot', ['unlisted-ending']],
    ['a.dotted.example', 'dotted.example', ['reserved-ending', 'disposable']],
    ['starred.example', 'starred.example', ['reserved-ending', 'disposable']],
    ['printer.local', 'printer.local', ['reserved-ending']],
    ['offers.click', 'offers.click', ['cheap-ending']],
    ['click', 'click', []],
    ['www.bücher.de', 'xn--bcher-kva.de', ['international']],
    ['a.xn--p1ai', 'a.xn--p1ai', ['international']],
    ['mail.gmail.com', 'gmail.com', ['free-mail']],
    ['gmail.com.evil.de', 'evil.de', []],
    ['163.com', '163.com', ['free-mail']],
    ['4711.com', '4711.com', ['digits']],
    ['x.mailinator.com', 'mailinator.com', ['disposable']],
    ['www.xn--bcher-kva.example', 'xn--bcher-kva.example', ['reserved-ending', 'international', 'disposable']],
    ['d5pvjttquw.top', 'd5pvjttquw.top', ['cheap-ending', 'generated']],
    ['d3kq0abczx.cloudfront.net', 'd3kq0abczx.cloudfront.net', []],
  ] as const) {
    test(`${name}: ${traits.join(', ') || 'nothing'}`, () => {
      const found = origin.domain(name)
      assert.deepEqual([found.organisation, [...found.traits]], [organisation, traits])
    })
  }
})

describe('reverse names', () => {
  for (const [name, address, look] of [
    ['pool-108-28-0-77.washdc.fios.verizon.net', '108.28.0.77', 'dynamic'],
    ['p5b3c4d5e.dip0.t-ipconnect.de', '91.60.77.94', 'dynamic'],
    ['adsl-216-103-211-240.dsl.snfc21.pacbell.net', '216.103.211.240', 'dynamic'],
    ['77.0.28.108.dyn.isp.example', '108.28.0.77', 'dynamic'],
    ['dhcp-28-77.campus.example.edu', '192.0.28.77', 'dynamic'],
    ['ip-192-0-2-7.isp.example', '192.0.2.7', 'numbered'],
    ['192000002007.isp.example', '192.0.2.7', 'numbered'],
    ['static-192-0-2-7.isp.example', '192.0.2.7', 'server'],
    ['mail.dsl-192-0-2-7.isp.example', '192.0.2.7', 'server'],
    ['mail.example.org', '192.0.2.7', 'server'],
    ['pool.example.org', '192.0.2.7', 'plain'],
    ['tiger.example.org', '192.0.2.7', 'plain'],
    ['dsl.net', '192.0.2.7', 'plain'],
    ['dyn-2001-db8-0-7.isp.example', '2001:db8:0:7::1', 'dynamic'],
    ['host-2001-0db8-0000.isp.example', '2001:db8:0:7::1', 'numbered'],
  ] as const)
    test(`${name} of ${address} is ${look}`, () => assert.equal(lookOf(name, address), look))
})

describe('lists of the admin', () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-test-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('add to the shipped ones, by file too, and take away from them', async () => {
    const file = join(folder, 'mine.txt')
    writeFileSync(file, '# ours\nOne.example two.example # and\n\nthree.example\n')
    const lists = { disposable: { files: [file], except: ['mailinator.com'] }, free_mail: { add: ['four.example'] } }
    const made = await setUp(plugin, { config: { lists } })
    const traits = (name: string) => [...made.contribution.services!.origin!.domain(name).traits]
    for (const name of ['one.example', 'a.two.example', 'three.example', 'yopmail.com'])
      assert.ok(traits(name).includes('disposable'), name)
    assert.deepEqual(traits('mailinator.com'), [])
    assert.ok(traits('four.example').includes('free-mail'))
  })

  test('that cannot be read are faults of the configuration', async () => {
    const lists = { cheap_endings: { files: [join(folder, 'missing.txt')] } }
    await assert.rejects(
      async () => setUp(plugin, { config: { lists } }),
      (error: unknown) => error instanceof ConfigError && /missing\.txt cannot be read/.test(error.message),
    )
  })
})
