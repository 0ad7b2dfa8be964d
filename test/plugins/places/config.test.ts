/** What an admin hears of a wrong entry, and whose mail goes where. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Account, ConfigError } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/set-up.js'
import { DomainSet } from '../../../core/text/index.js'
import places from '../../../plugins/places/index.js'
import { fillArgument, fillPath, type Values } from '../../../plugins/places/placeholders.js'
import { aCall, runCommand } from '../../harness/context.js'
import { aJob, short } from './house.js'

const nobody = () => Promise.reject(new Error('not to be asked'))

async function installed(config: object) {
  const { contribution } = await setUp(places, {
    config: { places: config },
    server: { domains: new DomainSet(['example.test', 'second.test', 'bücher.test']) },
    services: { accounts: { byId: nobody, byLogin: nobody, byAddress: nobody, list: nobody } },
  })
  return contribution
}

describe('an entry that is wrong', () => {
  for (const [what, config, wish] of [
    ['no kind', { x: { for: ['a'] } }, /expected one of mbox, maildir, pipe, lmtp, found none/],
    ['two kinds', { x: { mbox: '/a', maildir: '/b' } }, /found mbox and maildir/],
    ['an option that is none', { x: { mboks: '/a' } }, /mboks/],
    ['a path that is not absolute', { x: { mbox: 'mail/{user}' } }, /expected an absolute path/],
    ['a way up', { x: { maildir: '/a/../{user}' } }, /no "\.\."/],
    ['a mistyped placeholder', { x: { mbox: '/mail/{usr}' } }, /\{usr\}; did you mean \{user\}\?/],
    ["the sender's words in a path", { x: { mbox: '/mail/{sender}' } }, /nothing is known as \{sender\}/],
    ['the tag in a path', { x: { maildir: '/mail/{tag}' } }, /nothing is known as \{tag\}/],
    ['a program that is chosen by the mail', { x: { pipe: ['/bin/{user}'] } }, /nothing is known as \{user\}/],
    ['a program by its bare name', { x: { pipe: ['procmail'] } }, /absolute path of a program/],
    ['a place of LMTP that is none', { x: { lmtp: 'dovecot' } }, /expected host:port or unix:\/path, found "dovecot"/],
    [
      'somebody under two places',
      { x: { mbox: '/a', for: ['al'] }, y: { mbox: '/b', for: ['AL'] } },
      /under x already/,
    ],
    ['a domain that is not ours', { x: { mbox: '/a', for: ['@far.test'] } }, /far\.test is none of our domains/],
    ['an address that is none', { x: { mbox: '/a', for: ['a b@example.test'] } }, /is no address/],
    ['any name into files', { x: { mbox: '/a', for: ['@example.test'], any_name: true } }, /choose file names/],
    ['any name of no domain', { x: { lmtp: '[::1]:24', for: ['al'], any_name: true } }, /expected a @domain under for/],
    ['no time at all', { x: { pipe: ['/bin/true'], timeout: '0s' } }, /1s to 5m/],
    ['a name that is none', { 'X Y': { mbox: '/a' } }, /no name for a place/],
  ] as const) {
    test(`${what} is told with its line`, async () => {
      await assert.rejects(installed(config), (error: unknown) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, wish)
        assert.match(error.faults[0]!.file, /with/)
        return true
      })
    })
  }
})

describe('whose mail goes where', () => {
  const alice: Account = { id: 'a1', login: 'alice@example.test', addresses: ['alice@example.test', 'al@second.test'] }
  const bob: Account = { id: 'a2', login: 'bob', addresses: ['bob@example.test'] }
  const config = {
    homes: { maildir: '/home/{user}/Maildir', for: ['@example.test'] },
    spool: { mbox: '/var/mail/{user}', for: ['Bob'] },
    tickets: { pipe: ['/bin/ticket'], for: ['tickets@Example.test'] },
    other: { lmtp: '127.0.0.1:24', for: ['@second.test', '@bücher.test'], any_name: true },
  }
  for (const [address, account, wish] of [
    ['alice@example.test', alice, 'homes'],
    ['al@second.test', alice, 'other'],
    ['bob@example.test', bob, 'spool'],
    ['alice@example.test', { ...alice, place: 'spool' }, 'spool'],
    ['tickets@example.test', { ...alice, place: 'spool' }, 'tickets'],
    ['tickets@example.test', undefined, 'tickets'],
    ['tickets@example.test', bob, 'tickets'],
    ['nobody@example.test', undefined, undefined],
    ['nobody@second.test', undefined, undefined],
  ] as const) {
    test(`${address} of ${account?.login} ${account?.place ?? ''}: ${wish}`, async () => {
      const { services } = await installed(config)
      assert.equal(services!.places!.find(address, account)?.name, wish)
    })
  }

  test('a place that an account names and that is not there keeps the mail waiting', async () => {
    const { services, targets } = await installed(config)
    const found = services!.places!.find('alice@example.test', { ...alice, place: 'gone' })
    assert.equal(found?.name, 'gone')
    const job = aJob([{ detail: { account: 'a1', place: 'gone' } }])
    assert.equal(short(await targets![found!.target]!.deliver(job, aCall())), 'deferred 4.3.5')
  })

  test('names that nobody has are taken only where the place says so', async () => {
    const { services } = await installed(config)
    assert.equal(services!.places!.anyName('example.test'), undefined)
    assert.equal(services!.places!.anyName('second.test')?.target, 'lmtp')
    assert.equal(services!.places!.anyName('bücher.test')?.target, 'lmtp')
  })

  test('place list shows all of them', async () => {
    const { commands } = await installed(config)
    const { out } = await runCommand(commands!, 'place list')
    assert.equal(out[0], 'homes: maildir /home/{user}/Maildir  for @example.test')
    assert.equal(out[3], 'other: lmtp 127.0.0.1:24  for @second.test, @xn--bcher-kva.test, and names that nobody has')
    const { out: json } = await runCommand(commands!, 'place list', [], { json: true })
    assert.equal(JSON.parse(json[0]!)[2].where, 'pipe /bin/ticket')
  })
})

describe('placeholders', () => {
  const values: Values = {
    user: 'alice',
    login: 'alice@example.test',
    local: 'al',
    domain: 'example.test',
    address: 'al@example.test',
    recipient: 'al+x@example.test',
    tag: 'x',
    sender: 's@far.test',
    id: 'q1',
  }

  for (const name of ['..', '.', '', 'a/b', '.hidden', 'a\0', 'a\n', '-x', 'ä', 'x'.repeat(101)]) {
    test(`${JSON.stringify(name.slice(0, 10))} is no part of a path`, () => {
      assert.equal(fillPath('/mail/{user}', { ...values, user: name }), undefined)
    })
  }

  test('paths are filled with names as often as they stand there', () => {
    assert.equal(fillPath('/mail/{domain}/{user}-{user}', values), '/mail/example.test/alice-alice')
  })

  test('an argument is filled once: a value is not read for placeholders', () => {
    assert.equal(fillArgument('{sender}', { ...values, sender: '{user}' }), '_user_')
  })
})
