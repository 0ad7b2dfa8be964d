/** Labels live as long as what they were said about. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Peer } from '../../../core/api/index.js'
import { SmtpSession } from '../../../core/smtp/session.js'

const peer: Peer = {
  id: 's1',
  protocol: 'smtp',
  listener: 'mx',
  remote: { address: '192.0.2.1', port: 1 },
  local: { address: '127.0.0.1', port: 25 },
}
const tls = { protocol: 'TLSv1.3', cipher: 'X' }
const labels = (session: SmtpSession) => [...session.labels].sort()

function greeted(): SmtpSession {
  const session = new SmtpSession(peer, 'smtp', false, noReverse)
  session.labels.add('at-connect')
  session.connected()
  session.greeted('client', true, session.labelsBeforeGreeting().add('at-helo'))
  return session
}

const noReverse = async () => ({ kind: 'none' }) as const

test('a session knows its listener, TLS and whether it is trusted', () => {
  assert.deepEqual(labels(new SmtpSession({ ...peer, tls }, 'smtp', true, noReverse)), ['mx', 'tls', 'trusted'])
})

test('a label of one transaction is gone in the next', () => {
  const session = greeted()
  session.labels.add('allowed-sender')
  session.endTransaction()
  assert.deepEqual(labels(session), ['at-connect', 'at-helo', 'mx'])
})

test('a label of one greeting is gone after the next', () => {
  const session = greeted()
  session.greeted('other', true, session.labelsBeforeGreeting())
  assert.deepEqual(labels(session), ['at-connect', 'mx'])
})

test('a login outlasts transactions and greetings', () => {
  const session = greeted()
  session.authenticated({ id: 'a1', login: 'alice', addresses: [] })
  session.endTransaction()
  session.greeted('other', true, session.labelsBeforeGreeting())
  assert.deepEqual(labels(session), ['at-connect', 'authenticated', 'mx'])
})

test('after the handshake greeting, login and their labels are forgotten', () => {
  const session = greeted()
  session.authenticated({ id: 'a1', login: 'alice', addresses: [] })
  session.secured(tls)
  assert.deepEqual(labels(session), ['at-connect', 'mx', 'tls'])
  assert.equal(session.account, undefined)
  assert.equal(session.helo, undefined)
})

test('a reverse name is looked up once, and known to have been; XCLIENT forgets it', async () => {
  const asked: string[] = []
  const session = new SmtpSession(peer, 'smtp', false, async address => {
    asked.push(address)
    return { kind: 'confirmed', name: `host-${address}` }
  })
  assert.equal(session.reversed, undefined)
  await Promise.all([session.reverse(), session.reverse()])
  assert.deepEqual(session.reversed, { kind: 'confirmed', name: 'host-192.0.2.1' })
  session.speaksFor({ address: '192.0.2.2', port: 2 }, peer.local, false)
  assert.equal(session.reversed, undefined)
  await session.reverse()
  assert.deepEqual(asked, ['192.0.2.1', '192.0.2.2'])
})

test('a name that is found after XCLIENT is not the name of the new client', async () => {
  let find: () => void = () => undefined
  const slow = new Promise<void>(resolve => {
    find = resolve
  })
  const session = new SmtpSession(peer, 'smtp', false, async address => {
    await slow
    return { kind: 'confirmed', name: `host-${address}` }
  })
  const first = session.reverse()
  session.speaksFor({ address: '192.0.2.2', port: 2 }, peer.local, false)
  find()
  await first
  assert.equal(session.reversed, undefined)
})
