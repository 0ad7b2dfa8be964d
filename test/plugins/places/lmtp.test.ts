/** By LMTP, with the client of the mx. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { MailClient } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/set-up.js'
import mx from '../../../plugins/mx/index.js'
import { address } from '../../harness/context.js'
import { LmtpSink, type LmtpSinkOptions } from '../../harness/lmtp-sink.js'
import { aJob, deliver, folder, short } from './house.js'

async function client(t: TestContext): Promise<MailClient> {
  const { contribution, end } = await setUp(mx, { config: {} })
  t.after(end)
  return contribution.services!['mail-client']!
}

async function sink(t: TestContext, options: LmtpSinkOptions = {}): Promise<LmtpSink> {
  const made = await new LmtpSink(options).start()
  t.after(() => made.stop())
  return made
}

const BOTH = [
  { to: address('alice@example.test') },
  { to: address('bob@example.test'), original: address('bob@example.test') },
]

test('all recipients of a job share one transaction, each with an answer of their own', async t => {
  const server = await sink(t, { answer: to => (to.startsWith('bob') ? '452 4.2.2 full' : '250 2.0.0 kept') })
  const place = { lmtp: `127.0.0.1:${server.port}` }
  const { outcomes } = await deliver(place, aJob(BOTH), { client: await client(t) })
  assert.equal(short(outcomes), 'delivered, deferred 4.2.2')
  assert.equal(server.messages.length, 1)
  assert.ok(server.commands.some(line => line.startsWith('LHLO ')))
  assert.equal(server.connections, 1)
})

test('a Unix socket does as well as a port', async t => {
  const path = join(await folder(t), 'lmtp')
  await sink(t, { path })
  const { outcomes } = await deliver({ lmtp: `unix:${path}` }, aJob([{}]), { client: await client(t) })
  assert.equal(short(outcomes), 'delivered')
})

test('a recipient that the server does not know fails', async t => {
  const server = await sink(t, { rcpt: () => '550 5.1.1 unknown' })
  const { outcomes } = await deliver({ lmtp: `127.0.0.1:${server.port}` }, aJob([{}]), { client: await client(t) })
  assert.equal(short(outcomes), 'failed 5.1.1')
})

test('a server that is not there puts the mail off', async t => {
  const path = join(await folder(t), 'nobody')
  const { outcomes } = await deliver({ lmtp: `unix:${path}` }, aJob(BOTH), { client: await client(t) })
  assert.equal(short(outcomes), 'deferred 4.4.1, deferred 4.4.1')
  assert.doesNotMatch(JSON.stringify(outcomes), /\//)
})

test('one that goes away after the mail puts it off', async t => {
  const server = await sink(t, { answer: () => 'drop' })
  const { outcomes } = await deliver({ lmtp: `127.0.0.1:${server.port}` }, aJob([{}]), { client: await client(t) })
  assert.match(short(outcomes), /^deferred 4/)
})

test('without a plugin that speaks LMTP the mail waits, and the log says which', async () => {
  const { outcomes, log } = await deliver({ lmtp: '127.0.0.1:24' }, aJob([{}]))
  assert.equal(short(outcomes), 'deferred 4.3.5')
  assert.match(JSON.stringify(log.lines), /mail-client/)
})
