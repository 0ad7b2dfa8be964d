/** The table of capabilities: what is announced is done, and what is switched off for the server or an account is not there at all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Account } from 'posthouse/api'
import { CAPABILITIES, CapabilityTable } from '../../../plugins/imap/capabilities.js'
import type { Capability } from '../../../plugins/imap/capability.js'
import { SWITCHABLE } from '../../../plugins/imap/wire/features.js'
import { authenticatorOf } from '../../harness/authenticator.js'
import { type Client, type Rig, startRig } from './rig.js'

test('no capability is announced by two modules', () => {
  const names = CAPABILITIES.map(({ name }) => name)
  assert.deepEqual([...new Set(names)], names)
})

test('what stands on a capability that is off is off too, through any number of steps', () => {
  const all: Capability[] = [
    { name: 'QRESYNC', needs: ['CONDSTORE'], enable: { also: ['CONDSTORE'] } },
    { name: 'CONDSTORE', needs: ['ENABLE'] },
    { name: 'ENABLE' },
    { name: 'MOVE' },
  ]
  const told = (table: CapabilityTable, disabled: Parameters<CapabilityTable['features']>[0]) =>
    table.announced(table.features(disabled), {} as never)
  assert.deepEqual(told(new CapabilityTable([], all), []), ['QRESYNC', 'CONDSTORE', 'ENABLE', 'MOVE'])
  assert.deepEqual(told(new CapabilityTable(['ENABLE'], all), []), ['MOVE'])
  assert.deepEqual(told(new CapabilityTable(['MOVE'], all), ['CONDSTORE']), ['ENABLE'])
})

test('a name may be in any case, and a wrong one hears what was meant', () => {
  const table = new CapabilityTable([])
  assert.deepEqual(table.named('move'), { name: 'MOVE' })
  assert.deepEqual(table.named('MOVVE'), { meant: 'MOVE' })
  assert.deepEqual(table.named('LOGINDISABLED'), {})
})

async function withRig(options: Parameters<typeof startRig>[0], look: (client: Client, rig: Rig) => Promise<void>) {
  const rig = await startRig(options)
  try {
    await look(await rig.client('ann'), rig)
  } finally {
    await rig.end()
  }
}

const announced = async (client: Client) =>
  String((await client.ok('CAPABILITY'))[0])
    .split(' ')
    .slice(2)

for (const [name, command] of [
  ['MOVE', 'MOVE 1 Archive'],
  ['ID', 'ID NIL'],
  ['IDLE', 'IDLE'],
  ['ENABLE', 'ENABLE X'],
  ['NAMESPACE', 'NAMESPACE'],
  ['UNSELECT', 'UNSELECT'],
] as const) {
  test(`without ${name} the server knows no ${command}`, () =>
    withRig({ config: { disable: [name] } }, async client => {
      assert.equal((await announced(client)).includes(name), false)
      await client.ok('SELECT INBOX')
      assert.match(await client.answer(command), /^BAD Unknown command/)
    }))
}

test('without UIDPLUS there are no UIDs in answers, and no UID EXPUNGE', () =>
  withRig({ config: { disable: ['UIDPLUS'] } }, async client => {
    assert.equal(await client.append('INBOX', 'a: b\r\n\r\n'), 'OK Message kept')
    await client.ok('SELECT INBOX')
    assert.equal(await client.answer('COPY 1 Archive'), 'OK COPY done')
    assert.match(await client.answer('UID EXPUNGE 1'), /^BAD/)
    assert.match(await client.answer('EXPUNGE'), /^OK/)
  }))

test('without CHILDREN and SPECIAL-USE, LIST says nothing of either', () =>
  withRig({ config: { disable: ['CHILDREN', 'SPECIAL-USE'] } }, async client => {
    assert.deepEqual(await client.ok('LIST "" Junk'), ['* LIST () "/" "Junk"'])
  }))

test('without SASL-IR no first response comes with the command', () =>
  withRig({ config: { disable: ['SASL-IR'] } }, async (_, rig) => {
    const client = await rig.client()
    assert.match(await client.answer('AUTHENTICATE PLAIN AGFubgBzZWNyZXQ='), /^BAD Expected the end of the command/)
  }))

test('one of LITERAL+ and LITERAL- is announced, as the config says', async () => {
  for (const literals of ['LITERAL+', 'LITERAL-'])
    await withRig({ config: { literals } }, async client => {
      const names = (await announced(client)).filter(name => name.startsWith('LITERAL'))
      assert.deepEqual(names, [literals])
    })
})

test('an account does without what its attribute names; the next login is another account', async () => {
  const of = (login: string, imapDisable?: readonly string[]): Account => ({
    id: `id-${login}`,
    login,
    addresses: [],
    ...(imapDisable && { imapDisable }),
  })
  const authenticator = authenticatorOf(login => of(login, login === 'ann' ? ['move', 'IDEL'] : undefined))
  await withRig({ authenticator }, async (ann, rig) => {
    assert.equal((await announced(ann)).includes('MOVE'), false)
    await ann.ok('SELECT INBOX')
    assert.match(await ann.answer('MOVE 1 Archive'), /^BAD Unknown command/)
    assert.equal((await announced(ann)).includes('IDLE'), true)
    const warning = rig.lines.find(({ sentence }) => sentence === 'the account switches off a capability nobody knows')
    assert.deepEqual([warning?.facts.name, warning?.facts.meant], ['IDEL', 'IDLE'])
    assert.equal((await announced(await rig.client('bob'))).includes('MOVE'), true)
  })
})

test('whatever can be switched off by name is offered to the config', () => {
  assert.equal(SWITCHABLE.includes('MOVE'), true)
  for (const name of ['IMAP4rev1', 'STARTTLS', 'LOGINDISABLED', 'AUTH='] as const)
    assert.equal(SWITCHABLE.includes(name), false)
  const known = new Set(CAPABILITIES.map(({ name }) => name))
  assert.deepEqual(
    SWITCHABLE.filter(name => !known.has(name)),
    [],
  )
})
