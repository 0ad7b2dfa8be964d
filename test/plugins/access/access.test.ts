import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type Address, ConfigError, type Hooks } from '../../../core/api/index.js'
import access from '../../../plugins/access/index.js'
import { aCall, aContext, address } from '../../harness/context.js'
import { anEnvelope, aServer, aSession } from '../../harness/session.js'

const folder = mkdtempSync(join(tmpdir(), 'access-'))
after(() => rmSync(folder, { recursive: true, force: true }))

async function install(yaml: string): Promise<Hooks> {
  writeFileSync(join(folder, 'access.yaml'), yaml)
  const server = aServer({ configDir: folder })
  return (await access.setup(aContext({ file: 'access.yaml' }, { server }))).hooks!
}

const LISTS = `
networks:
  - deny: 192.0.2.0/24
    reason: Dictionary attacks since May
  - allow: 192.0.2.16/28
  - deny: 192.0.2.17
  - deny: 2001:db8::/32
names:
  - deny: .dynamic.test
    reason: Dial-up lines must use their provider
  - allow: good.dynamic.test
senders:
  - deny: .spam.test
  - deny: '@spam.test'
  - allow: friend@spam.test
  - deny: bounce@far.test
  - deny: <>
recipients:
  - deny: closed@example.test
    reason: This address is closed, write to open@example.test
`

const networks: readonly (readonly [string, string | number | undefined])[] = [
  ['192.0.2.1', 554],
  ['192.0.2.18', 'allow-listed'],
  ['192.0.2.17', 554],
  ['::ffff:192.0.2.1', 554],
  ['192.0.3.1', undefined],
  ['2001:db8:1::1', 554],
  ['2001:db9::1', undefined],
  ['not an address', undefined],
]
const names: readonly (readonly [string, string | number | undefined])[] = [
  ['a.b.dynamic.test', 550],
  ['GOOD.dynamic.test', 'allow-listed'],
  ['dynamic.test', undefined],
  ['xdynamic.test', undefined],
  ['.'.repeat(400), undefined],
]
const senders: readonly (readonly [Address | null, string | number | undefined])[] = [
  [address('x@spam.test'), 550],
  [address('x@deep.in.spam.test'), 550],
  [address('FRIEND@spam.test'), 'allow-listed'],
  [address('Bounce@far.test'), 550],
  [address('x@far.test'), undefined],
  [null, 550],
]

describe('access lists', () => {
  for (const [ip, wish] of networks) {
    test(`a client at ${ip} is ${outcome(wish)}`, async () => {
      const hooks = await install(LISTS)
      const session = aSession({ remote: { address: ip, port: 1 } })
      assert.equal(short(await hooks.connect!({ session }, aCall())), wish)
    })
  }
  for (const [name, wish] of names) {
    test(`HELO ${name.slice(0, 40)} is ${outcome(wish)}`, async () => {
      const hooks = await install(LISTS)
      assert.equal(short(await hooks.helo!({ session: aSession(), name }, aCall())), wish)
    })
  }
  for (const [sender, wish] of senders) {
    test(`sender ${sender === null ? '<>' : `${sender.local}@${sender.domain}`} is ${outcome(wish)}`, async () => {
      const hooks = await install(LISTS)
      assert.equal(short(await hooks.mail!({ session: aSession(), envelope: anEnvelope({ sender }) }, aCall())), wish)
    })
  }

  test('a denied recipient hears the reason of its entry', async () => {
    const hooks = await install(LISTS)
    const recipient = { address: address('closed@example.test'), dsn: { notify: [] } }
    const answer = await hooks.rcpt!({ session: aSession(), envelope: anEnvelope(), recipient }, aCall())
    assert.deepEqual(answer, {
      kind: 'reject',
      code: 550,
      status: '5.7.1',
      text: 'This address is closed, write to open@example.test',
    })
  })

  test('without a file nothing is denied', async () => {
    rmSync(join(folder, 'access.yaml'), { force: true })
    const server = aServer({ configDir: folder })
    const { hooks } = await access.setup(aContext({ file: 'access.yaml' }, { server }))
    assert.equal(await hooks!.connect!({ session: aSession() }, aCall()), undefined)
  })
})

describe('a wrong access file names every fault with its place', () => {
  for (const [what, yaml, line, wish] of [
    ['an unknown list', 'netwroks: []', 1, /networks/],
    ['an entry that says nothing', 'names:\n  - reason: why', 2, /either `deny:` or `allow:`/],
    ['an entry that says both', 'names:\n  - deny: a.test\n    allow: a.test', 2, /either/],
    ['a network that is none', 'networks:\n  - deny: 300.1.2.3', 2, /expected an address or a network/],
    ['a prefix that is too long', 'networks:\n  - deny: 10.0.0.0/33', 2, /expected an address or a network/],
    ['a sender without @', 'senders:\n  - deny: spam.test', 2, /did you mean @spam\.test\?/],
    ['a star', 'names:\n  - deny: "*.spam.test"\n', 2, /did you mean \.spam\.test\?/],
    [
      'the same network twice',
      'networks:\n  - deny: 10.0.0.0/8\n  - allow: 10.1.2.3/8',
      3,
      /stands already at access.yaml:2/,
    ],
    ['the null recipient', 'recipients:\n  - deny: <>', 2, /expected user@/],
  ] as const) {
    test(what, async () => {
      await assert.rejects(
        () => install(yaml),
        (error: unknown) =>
          error instanceof ConfigError && error.faults[0]!.line === line && wish.test(error.faults[0]!.message),
      )
    })
  }
})

function outcome(wish: string | number | undefined): string {
  return typeof wish === 'number' ? `refused with ${wish}` : (wish ?? 'not on a list')
}

function short(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null) return answer
  return 'code' in answer ? answer.code : 'names' in answer && Array.isArray(answer.names) ? answer.names[0] : answer
}
