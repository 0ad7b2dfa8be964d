/** Notices of the house, on the in-memory store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Acceptance, Notice, TrailEntry } from '../../../core/api/index.js'
import type { OwnMessage } from '../../../core/pipeline/intake-types.js'
import { createNotifier } from '../../../core/pipeline/notifier.js'
import { aServer, type RememberingLog, rememberingLog } from '../../../core/testing/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'

const DAY_MS = 86_400_000
const NOTICE: Notice = {
  about: 'certificate mail.example.test',
  subject: 'Zertifikat läuft ab',
  text: 'In 7 days.\nRenew it.',
}

function open({ broken = 0 } = {}) {
  let failures = broken
  let now = Date.UTC(2026, 0, 1)
  const planned: OwnMessage[] = []
  let accepted = 0
  const trail = new Map<string, readonly TrailEntry[]>()
  const log: RememberingLog = rememberingLog()
  const notifier = createNotifier({
    intake: {
      async plan(message) {
        planned.push(message)
        return { message: { id: message.id } } as Acceptance
      },
    },
    store: {
      trail: { of: async id => trail.get(id) ?? [] },
      async accept({ message: { id } }) {
        if (failures-- > 0) throw new Error('the disk is full')
        trail.set(id, [{ id, at: now, event: 'accepted', says: '', facts: {} }])
        accepted++
        return []
      },
    },
    state: createMemoryState(),
    server: aServer(),
    domains: ['example.test', 'other.test'],
    clock: { now: () => now },
    log,
  })
  const wait = (ms: number) => {
    now += ms
  }
  return { notifier, planned, accepted: () => accepted, wait, log }
}

test('a notice goes to the postmaster of our first domain, as a message of nobody', async () => {
  const { notifier, planned, accepted } = open()
  assert.equal(await notifier.tell(NOTICE), true)
  assert.equal(accepted(), 1)
  const [message] = planned
  assert.equal(message?.sender, null)
  assert.deepEqual(message?.recipient, { local: 'postmaster', domain: 'example.test' })
  const text = message!.bytes.toString('latin1')
  assert.match(text, /^From: Posthouse <postmaster@mail\.example\.test>\r\n/)
  assert.match(text, /\r\nSubject: Zertifikat =\?UTF-8\?B\?bMOkdWZ0\?= ab\r\n/)
  assert.match(text, /\r\nAuto-Submitted: auto-generated\r\n/)
  const body = Buffer.from(text.slice(text.indexOf('\r\n\r\n')), 'base64').toString()
  assert.equal(body, 'In 7 days.\r\nRenew it.')
})

test('about the same nothing more is sent for a day, about another thing it is', async () => {
  const { notifier, planned, wait } = open()
  await notifier.tell(NOTICE)
  assert.equal(await notifier.tell({ ...NOTICE, text: 'In 6 days.' }), false)
  await notifier.tell({ ...NOTICE, about: 'certificate imap.example.test' })
  assert.equal(planned.length, 2)
  wait(2 * DAY_MS)
  await notifier.tell(NOTICE)
  assert.equal(planned.length, 3)
})

test('a notice that cannot be stored is logged, who tells it hears that it was not sent, and it is news the next time', async () => {
  const { notifier, accepted, log } = open({ broken: 1 })
  assert.equal(await notifier.tell(NOTICE), false)
  assert.equal(log.lines.at(-1)?.sentence, 'notice could not be sent')
  assert.equal(await notifier.tell(NOTICE), true)
  assert.equal(accepted(), 1)
  assert.equal(await notifier.tell(NOTICE), false)
})

test('a mail that is to be accepted once is, and who sends it again hears the id of the first', async () => {
  const { notifier, accepted, wait } = open({ broken: 1 })
  const send = (key: string) =>
    notifier.send({
      ...{ sender: null, to: { local: 'a', domain: 'b.test' }, bytes: Buffer.from('\r\n'), reason: 'report' },
      once: { key, at: Date.UTC(2026, 0, 1) },
    })
  await assert.rejects(send('one'), /disk is full/)
  const first = await send('one')
  wait(DAY_MS)
  assert.equal(await send('one'), first)
  assert.equal(accepted(), 1)
  assert.notEqual(await send('two'), first)
})
