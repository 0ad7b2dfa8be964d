/** Mail that goes to places outside of the store: which of a recipient's, and what people are told. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PlaceFound, Places } from '../../../core/api/index.js'
import { runCommand } from '../../harness/context.js'
import { install, short } from './house.js'

const SPOOL: PlaceFound = { name: 'spool', target: 'mbox', says: 'mbox /var/mail/{user}' }
const TICKETS: PlaceFound = { name: 'tickets', target: 'pipe', says: 'pipe /bin/ticket' }
const REST: PlaceFound = { name: 'rest', target: 'lmtp', says: 'lmtp 127.0.0.1:24' }

const places: Places = {
  find(address, account) {
    if (address === 'tickets@example.test') return TICKETS
    return ['bob', 'full', 'off'].includes(account?.login ?? '') ? SPOOL : undefined
  },
  anyName: domain => (domain === 'second.test' ? REST : undefined),
}

const ALIASES = `
both@example.test: [alice, bob]
shop@example.test: bob+shop
support@example.test: [tickets, tickets@example.test, bob, full]
'list-*@second.test': alice@example.test
`

describe('places', () => {
  for (const [to, wish] of [
    ['alice@example.test', 'mda aalice'],
    ['bob@example.test', 'mbox bob@example.test {"place":"spool","account":"abob"}'],
    ['bob+shop@example.test', 'mbox bob+shop@example.test {"place":"spool","account":"abob","tag":"shop"}'],
    ['both@example.test', 'mda aalice, mbox bob@example.test {"place":"spool","account":"abob"}'],
    ['shop@example.test', 'mbox bob+shop@example.test {"place":"spool","account":"abob","tag":"shop"}'],
    ['tickets@example.test', 'pipe tickets@example.test {"place":"tickets"}'],
    ['tickets+12@example.test', 'pipe tickets+12@example.test {"place":"tickets","tag":"12"}'],
    [
      'support@example.test',
      'pipe tickets@example.test {"place":"tickets"}, mbox bob@example.test {"place":"spool","account":"abob"}, mbox full@example.test {"place":"spool","account":"afull"}',
    ],
    ['nobody@example.test', '550 5.1.1'],
    ['nobody@second.test', 'lmtp nobody@second.test {"place":"rest"}'],
    ['alice@second.test', 'mda aalice'],
    ['list-a@second.test', 'mda aalice'],
  ] as const) {
    test(`${to}: ${wish}`, async () => {
      const { route } = await install(ALIASES, {}, { places })
      assert.equal(short(await route(to)), wish)
    })
  }

  test('the quota of the store is not asked after for a place', async () => {
    const { route } = await install(undefined, {}, { places })
    assert.match(short(await route('full@example.test', [['SIZE', '5000']])), /^mbox/)
    const { route: without } = await install(undefined)
    assert.equal(short(await without('full@example.test', [['SIZE', '5000']])), '552 5.2.3')
  })

  test('a disabled account is refused at a place as in a mailbox, if mail for it is', async () => {
    const { route } = await install(undefined, { disabled: 'refuse' }, { places })
    assert.equal(short(await route('off@example.test')), '550 5.2.1')
  })

  test('who has a place still gets mail of the address, for those who ask whose it is', async () => {
    const { accountsOf } = await install(ALIASES, {}, { places })
    assert.deepEqual(await accountsOf('support@example.test'), ['abob', 'afull'])
  })

  test('posthouse address tells the place, for an account and for nobody', async () => {
    const { commands } = await install(ALIASES, {}, { places })
    const { out, code } = await runCommand(commands, 'address', ['support@example.test'])
    assert.deepEqual(out.slice(1, 4), [
      '  tickets@example.test: to the place tickets: pipe /bin/ticket',
      '  bob@example.test: account bob',
      '    to the place spool: mbox /var/mail/{user}',
    ])
    assert.equal(code, 0)
    const { out: json } = await runCommand(commands, 'address', ['bob@example.test'], { json: true })
    assert.deepEqual(JSON.parse(json[0]!).steps[0].place, SPOOL)
  })
})
