/** A mailbox that fills up, with two workers, a crash and a restart on the way: its owner is told once of each threshold, in that very mailbox. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { sendMail } from '../harness/send-mail.js'

const ALICE = 'alice@example.test'
const PASSWORD = 'correct horse'

let instance: Instance

before(async () => {
  instance = await Instance.make({
    without: CONTENT,
    server: { workers: 2 },
    plugins: { mda: { quota: { grace: 10, contact: 'help@example.test' } } },
    users: [[ALICE, PASSWORD]],
    run: { detached: true },
  })
  await instance.cli(['user', 'change', ALICE, '--quota-messages', '40'])
  await instance.start()
})
after(() => instance.destroy())

const SUBJECT = /^Subject: (.*)$/m

async function warnings(): Promise<readonly string[]> {
  const mails = await inboxOf(instance.ports.imap, ALICE, PASSWORD)
  return mails.map(mail => SUBJECT.exec(mail)?.[1]?.trim() ?? '').filter(subject => subject.startsWith('Your mailbox'))
}

let sent = 0
async function send(count: number): Promise<void> {
  for (let at = 0; at < count; at++)
    await sendMail(instance.ports.mx, { from: 'friend@far.test', to: [ALICE], subject: `mail-${++sent}` })
}

async function told(...wish: readonly string[]): Promise<void> {
  await eventually(async () => ((await warnings()).length >= wish.length ? true : undefined))
  assert.deepEqual(await warnings(), wish)
}

test('each threshold is told once, over two workers, a crash and a restart', { skip: noInbox }, async () => {
  const [first, second, third] = ['Your mailbox is 80% full', 'Your mailbox is 95% full', 'Your mailbox is 100% full']
  await send(32)
  await told(first)
  await instance.killAll()
  await instance.start()
  // Warnings are mails too: there are 33.
  await send(5)
  await told(first, second)
  await instance.stop()
  await instance.start()
  await send(1)
  await told(first, second, third)
  // 44 are 110 %.
  await send(3)
  await assert.rejects(() => send(1), /452 4\.2\.2 Mailbox is full/)
  await told(first, second, third, 'Your mailbox is full')
  await assert.rejects(() => send(1), /452 4\.2\.2/)
  const { stdout } = await instance.cli(['quota', 'list', '--over', '100', '--json'])
  const [line] = JSON.parse(stdout) as { login: string; usedMessages: number; percent: number; graceUntil: string }[]
  assert.deepEqual([line?.login, line?.usedMessages, line?.percent], [ALICE, 45, 112])
  const daysLeft = (Date.parse(line!.graceUntil) - Date.now()) / 86_400_000
  assert.ok(daysLeft > 6 && daysLeft <= 7, line!.graceUntil)
  await instance.cli(['user', 'change', ALICE, '--limit-messages', '500/1d'])
  const { stdout: explained } = await instance.cli(['address', ALICE])
  assert.match(explained, /may send messages 500\/1d \(limits of its own\)/)
  assert.match(explained, /45 of 40 messages; over its quota, in its grace until/)
})
