/** Domains by command on a started server: mail for one is taken as soon as the command is over, and refused again afterwards. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { CONTENT, Instance } from '../harness/instance.js'
import { sendMail } from '../harness/send-mail.js'

let instance: Instance
before(async () => {
  instance = await Instance.make({ without: CONTENT, users: [['alice@example.test', 'correct horse']] })
  await instance.start()
})
after(() => instance.destroy())

const yaml = () => readFile(join(instance.configDir, 'server.yaml'), 'utf8')
const send = (to: string) => sendMail(instance.ports.mx, { from: 'friend@far.test', to: [to], subject: 'hello' })

test('a domain comes and goes while the server runs', async () => {
  const before = await yaml()
  await assert.rejects(() => send('anna@second.test'), /550 5\.7\.1/)
  const added = await instance.program(['domain', 'add', 'Second.test'])
  assert.equal(added.stdout, 'second.test added; the server has taken it up\n', added.stderr)
  const user = await instance.cli(['user', 'add', 'anna@second.test'])
  assert.equal(user.code, 0, user.stderr)
  await send('anna@second.test')
  const kept = await instance.cli(['domain', 'remove', 'second.test'])
  assert.deepEqual([kept.code, kept.stdout], [1, ''])
  assert.match(kept.stderr, /accounts have addresses there: anna@second\.test; --force/)
  await send('anna@second.test')
  const removed = await instance.program(['domain', 'remove', 'second.test', '--force', '--json'])
  assert.deepEqual(JSON.parse(removed.stdout || `"${removed.stderr}"`), {
    domain: 'second.test',
    removed: true,
    server: 'reloaded',
  })
  await assert.rejects(() => send('anna@second.test'), /550 5\.7\.1/)
  assert.equal(await yaml(), before)
})

for (const [what, args, wish] of [
  ['a domain that is ours', ['add', 'example.test'], /is one of our domains already/],
  ['what is no domain', ['add', 'exa mple'], /is no domain/],
  ['a domain that is not ours', ['remove', 'exampel.test'], /is none of our domains; did you mean example\.test\?/],
] as const) {
  test(`${args[0]} refuses ${what}`, async () => {
    const before = await yaml()
    const { code, stderr } = await instance.cli(['domain', ...args])
    assert.equal(code, 1)
    assert.match(stderr, wish)
    assert.equal(await yaml(), before)
  })
}

test('what would be wrong without the domain stays as it was', async () => {
  await instance.edit('aliases.yaml', () => 'sales@third.test: alice@example.test\n')
  await instance.edit('server.yaml', text => text.replace(/^domains: \[ ?example\.test/m, '$&, third.test'))
  const before = await yaml()
  const { code, stderr } = await instance.cli(['domain', 'remove', 'third.test'])
  assert.equal(code, 1, stderr)
  assert.match(stderr, /nothing was changed, as it would be wrong then: .*aliases\.yaml:1:\d+: .*third\.test/)
  assert.equal(await yaml(), before)
})
