/** Whose mail it is that comes back: what the trail proves, what is forged, and what is told of it only once the mail is accepted. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { QueueEvent, TrailEntry } from '../../../core/api/index.js'
import { aCall, aMessage, anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import bounces from '../../../plugins/bounces/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { address } from '../../harness/context.js'

const ALICE = { id: 'aalice', login: 'alice@example.test', addresses: ['alice@example.test'] }
const NOW = 1_800_000_000_000
const FACTS = { sender: ALICE.login, login: ALICE.login, size: 77 }
const ID = '01abcdefghjkmnpq.1'

async function aServer(config: object = {}, sentTo: readonly string[] = ['bob@far.test'], facts: object = FACTS) {
  const store = createMemoryStore()
  const told: QueueEvent[] = []
  const entry = (event: string, more: TrailEntry['facts']): TrailEntry => ({
    id: ID,
    at: NOW - 5000,
    event,
    says: 'x',
    facts: more,
  })
  await store.trail.add([
    entry('accepted', facts as TrailEntry['facts']),
    ...sentTo.map(to => entry('delivered', { to, remote: 'mx.far.test' })),
  ])
  const replies = { classify: async () => ({ class: 'no-such-user', general: false }) as const }
  const { hooks } = await setUp(bounces, {
    config,
    services: { store, replies, events: { tell: event => void told.push(event) } },
    now: () => NOW,
  })
  return {
    told,
    trail: (id: string) => store.trail.of(id),
    sendOut: (messageId: string) =>
      hooks.headers!(
        {
          session: aSession({ account: ALICE }),
          envelope: anEnvelope({ id: ID, recipients: [{ address: address('bob@far.test'), dsn: { notify: [] } }] }),
          message: aMessage(`Message-ID: ${messageId}\n\nx`),
          verdict: { findings: [], sum: 0 },
        },
        aCall(),
      ),
    /** The finding, or `nothing`. */
    async judge(text: string, id = 'notice.1', sender: string | null = null): Promise<string> {
      const envelope = anEnvelope({ id, sender: sender === null ? null : address(sender) })
      const finding = await hooks.score!({ session: aSession(), envelope, message: aMessage(text) }, aCall())
      return finding === undefined || finding === null ? 'nothing' : (finding as { name: string }).name
    },
    accept: async (id = 'notice.1') =>
      hooks.event!({ event: { kind: 'accepted', at: NOW, message: id, sender: '', size: 1, ageMs: 0 } }, aCall()),
  }
}

interface Wish {
  readonly to?: string
  readonly header?: string
  readonly action?: string
}

const OUR_HOP = `Received: from x by mail.example.test with ESMTPSA id ${ID}; Sat, 21 Nov 2026 10:00:00 +0000\n`

function bounce({
  to = 'bob@far.test',
  header = `${OUR_HOP}Message-ID: <m@example.test>`,
  action = 'failed',
}: Wish = {}) {
  return `From: MAILER-DAEMON@far.test
To: alice@example.test
Subject: Undeliverable
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; far.test

Final-Recipient: rfc822; ${to}
Action: ${action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user
--b
Content-Type: text/rfc822-headers

${header}
From: alice@example.test
--b--
`
}

describe('a bounce', () => {
  test('of what left from here is told when it is accepted, and not before', async () => {
    const { judge, accept, told, trail } = await aServer()
    assert.equal(await judge(bounce()), 'bounce-ours')
    assert.deepEqual(told, [])
    await accept('another.1')
    assert.deepEqual(told, [])
    await accept()
    const [{ kind, message, recipient, sender, login, class: meant, notice, size, ageMs } = {} as QueueEvent] = told
    assert.deepEqual(
      { kind, message, recipient, sender, login, meant, notice, size, ageMs },
      {
        kind: 'returned',
        message: ID,
        recipient: 'bob@far.test',
        sender: ALICE.login,
        login: ALICE.login,
        meant: 'no-such-user',
        notice: 'notice.1',
        size: 77,
        ageMs: 5000,
      },
    )
    assert.equal((await trail(ID)).at(-1)?.event, 'returned')
    assert.equal((await trail('notice.1'))[0]?.event, 'recognised')
    await accept()
    assert.equal(told.length, 1)
  })

  for (const [name, facts, submitter] of [
    ['somebody who had logged in', FACTS, 'authenticated'],
    ['a network we trust', { sender: ALICE.login, trusted: true }, 'trusted'],
    ['a stranger', { sender: ALICE.login }, undefined],
  ] as const) {
    test(`says that the message had come from ${name}`, async () => {
      const { judge, accept, told } = await aServer({}, ['bob@far.test'], facts)
      await judge(bounce())
      await accept()
      assert.deepEqual(
        told.map(event => event.submitter),
        [submitter],
      )
    })
  }

  test('for somebody the message did not go to is told of nobody', async () => {
    const { judge, accept, told } = await aServer({}, ['bob@far.test', 'carol@far.test'])
    await judge(bounce({ to: 'victim@far.test' }))
    await accept()
    assert.deepEqual(told, [])
  })

  test('from where it was passed on to is told of the one it went to', async () => {
    const { judge, accept, told } = await aServer()
    await judge(bounce({ to: 'elsewhere@further.test' }))
    await accept()
    assert.equal(told[0]?.recipient, 'bob@far.test')
  })

  test('that tells of a delay is written down, and no event', async () => {
    const { judge, accept, told, trail } = await aServer()
    await judge(bounce({ action: 'delayed' }))
    await accept()
    assert.deepEqual(told, [])
    assert.equal((await trail(ID)).at(-1)?.event, 'reported')
  })

  test('that names one address many times is told once', async () => {
    const { judge, accept, told, trail } = await aServer()
    const group = '\nFinal-Recipient: rfc822; bob@far.test\nAction: failed\nStatus: 5.1.1\n'
    await judge(bounce().replace(group, group.repeat(50)))
    await accept()
    assert.equal(told.length, 1)
    assert.equal((await trail(ID)).length, 3)
  })

  test('that is sent again and again is told once of each address', async () => {
    const { judge, accept, told, trail } = await aServer({}, ['bob@far.test', 'carol@far.test'])
    for (let i = 0; i < 10; i++) {
      for (const to of ['bob@far.test', 'Carol@far.test']) {
        await judge(bounce({ to }), `notice${i}.1`)
        await accept(`notice${i}.1`)
      }
    }
    assert.deepEqual(
      told.map(({ recipient }) => recipient),
      ['bob@far.test', 'Carol@far.test'],
    )
    assert.equal((await trail(ID)).length, 5)
    assert.equal((await trail('notice9.1'))[0]?.event, 'recognised')
  })

  test('that tells of a delay is written down a few times, and the failure after it still is', async () => {
    const { judge, accept, told, trail } = await aServer()
    for (let i = 0; i < 10; i++) {
      await judge(bounce({ action: 'delayed' }))
      await accept()
    }
    assert.equal((await trail(ID)).filter(({ event }) => event === 'reported').length, 5)
    await judge(bounce())
    await accept()
    assert.equal(told.length, 1)
  })

  test('that returns only a Message-ID is known by it', async () => {
    const { judge, sendOut } = await aServer()
    const little = bounce({ header: 'Message-ID: <m@example.test>' })
    assert.equal(await judge(little), 'bounce-unproven')
    await sendOut('<m@example.test>')
    assert.equal(await judge(little), 'bounce-ours')
  })
})

describe('forged is', () => {
  const theirs = 'Received: from a by other.test with SMTP id 1; Sat, 21 Nov 2026 10:00:00 +0000'
  for (const [name, header, config, finding] of [
    ['what did not come by us', theirs, {}, 'bounce-forged'],
    ['not what another host of ours may have sent', theirs, { also_from: ['other.test'] }, 'bounce-unproven'],
    ['not what a host of that domain may have sent', theirs, { also_from: ['.test'] }, 'bounce-unproven'],
    ['what names an id that never was', OUR_HOP.replace(ID, '01zzzzzzzzzzzzzz.1').trimEnd(), {}, 'bounce-forged'],
    ['not what shows nothing', 'Subject: x', {}, 'bounce-unproven'],
  ] as const) {
    test(name, async () => assert.equal(await (await aServer(config)).judge(bounce({ header })), finding))
  }

  test('what returns a message of ours that went nowhere', async () => {
    assert.equal(await (await aServer({}, [])).judge(bounce()), 'bounce-forged')
  })
})

describe('nothing is said', () => {
  test('of mail with a sender', async () => {
    const { judge } = await aServer()
    assert.equal(await judge('From: a@b.test\nSubject: failure notice\n\nx', 'n.1', 'a@b.test'), 'nothing')
  })

  test('of an answer of a robot', async () => {
    const { judge } = await aServer()
    assert.equal(
      await judge('From: a@b.test\nAuto-Submitted: auto-replied\nSubject: Out of office\n\nI am away'),
      'nothing',
    )
  })
})
